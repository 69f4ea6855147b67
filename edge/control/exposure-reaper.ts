import { EXPOSURE_LIFETIME } from '../../shared/domain/service.ts';
import type { Exposure } from '../store/store.ts';
import type { ControlContext } from './context.ts';

/** Milliseconds between two looks. */
export const REAP_INTERVAL = 2_000;
/** A look that comes this many milliseconds late means that the machine slept, or that its clock was set forward. */
const LATE = 5_000;

/** When an exposure ends unless it is renewed, by the monotonic clock, and the expiry that told of its last renewal. */
interface Watched {
  readonly expiresAt: number;
  readonly until: number;
}

/**
 * Ends exposures that nobody renewed, on every node: removing what another has removed already does nothing.
 *
 * The lifetime counts from when this process saw the last renewal, by the monotonic clock. The stored expiry only says
 * that there was a renewal; as a time it is believed for what is there when the process starts, since it was down
 * before. While the machine slept nobody could renew, so afterwards every holder has a whole lifetime to come back.
 */
export class ExposureReaper {
  readonly #context: Pick<ControlContext, 'store' | 'clock' | 'log'>;
  /** `undefined` until the exposures were read once. */
  #watched: ReadonlyMap<string, Watched> | undefined;
  #lastMonotonic: number;
  #lastWall: number;
  /** Nothing ends before. */
  #graceEnd = 0;

  constructor(context: Pick<ControlContext, 'store' | 'clock' | 'log'>) {
    this.#context = context;
    this.#lastMonotonic = context.clock.monotonic();
    this.#lastWall = context.clock.now();
  }

  /** To be called every `REAP_INTERVAL`. Never rejects for what the store may fail with. */
  async look(): Promise<void> {
    const { store, log, clock } = this.#context;
    const now = clock.monotonic();
    const wall = clock.now();
    this.#noticeSleep(now, wall);
    const listed = await store.exposures();
    const removed = listed.ok ? await store.removeExposures(this.#over(listed.value, now, wall)) : listed;
    if (!removed.ok) log.warn('Expired exposures could not be removed; it is tried again.', { reason: removed.error });
    else if (removed.value.length > 0) log.info('Exposures expired.', { services: removed.value });
  }

  /** In which of the two clocks sleep shows differs by system. */
  #noticeSleep(now: number, wall: number): void {
    const passed = Math.max(now - this.#lastMonotonic, wall - this.#lastWall);
    if (passed > REAP_INTERVAL + LATE) this.#graceEnd = now + EXPOSURE_LIFETIME;
    this.#lastMonotonic = now;
    this.#lastWall = wall;
  }

  /** Takes note of renewals; yields the exposures whose time is up. */
  #over(exposures: readonly Exposure[], now: number, wall: number): Exposure[] {
    const before = this.#watched;
    const watched = new Map<string, Watched>();
    for (const { id, expiresAt } of exposures) {
      const known = before?.get(id);
      const lifetime = before === undefined ? remaining(expiresAt, wall) : EXPOSURE_LIFETIME;
      watched.set(id, known?.expiresAt === expiresAt ? known : { expiresAt, until: now + lifetime });
    }
    this.#watched = watched;
    if (now < this.#graceEnd) return [];
    return exposures.filter(({ id }) => (watched.get(id)?.until ?? now) <= now);
  }
}

/** What is left of a lifetime by the wall clock; one that was wrong leaves no more than a whole one. */
const remaining = (expiresAt: number, wall: number): number =>
  Math.min(EXPOSURE_LIFETIME, Math.max(0, expiresAt - wall));
