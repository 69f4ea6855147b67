import { CarrierGroup } from '../../shared/node/carrier-group.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { LinkTunnel } from './link-tunnel.ts';

/** Milliseconds between two looks at whether more carriers would do good, while a stream moves much. */
const GROW_EVERY = 50;
/** Milliseconds without a stream that moves much, after which one carrier will do; and between two looks at that. */
export const QUIET = 60_000;
const SHRINK_EVERY = 10_000;
/** Carriers to one worker, whatever the edge would take. */
const MOST_CARRIERS = 16;
/**
 * And where its round trip is below `NEAR` ms, one with bulk and one without: so near, a lost packet is back before
 * others have waited for it, and what is gathered in one write is worth more than a connection of its own.
 */
const NEAR = 1;
const NEAR_CARRIERS = 2;

export interface CrewOptions {
  readonly clock: Clock;
  /** More carriers to `worker` would do good: `count` of them. */
  readonly onShort: (worker: number, count: number) => void;
  /** `tunnel` is no longer needed. */
  readonly onSpare: (tunnel: LinkTunnel) => void;
}

/**
 * The carriers of a link that are up: how many there should be, and of which worker. At least one to each worker, one
 * more than there are streams that move much while there are any, and back to one each after a quiet minute.
 */
export class LinkCrew {
  readonly #options: CrewOptions;
  readonly #groups = new Map<number, CarrierGroup>();
  /** Newest first. */
  #tunnels: LinkTunnel[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #busyAt = Number.NEGATIVE_INFINITY;
  #stopLooking: CancelTimer | undefined;
  /** Bytes of carriers that are gone. */
  #sent = 0;
  #received = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  get tunnels(): readonly LinkTunnel[] {
    return this.#tunnels;
  }

  get newest(): LinkTunnel | undefined {
    return this.#tunnels[0];
  }

  /** Bytes since the link began, those of carriers that are gone included. */
  get moved(): { readonly sent: number; readonly received: number } {
    let [sent, received] = [this.#sent, this.#received];
    for (const tunnel of this.#tunnels) {
      sent += tunnel.sent;
      received += tunnel.received;
    }
    return { sent, received };
  }

  /** The shortest of its carriers, milliseconds to a tenth; `undefined` until one is measured. */
  get roundTrip(): number | undefined {
    const measured = this.#tunnels.map((t) => t.roundTrip).filter((time) => time !== undefined);
    return measured.length === 0 ? undefined : Math.round(Math.min(...measured) * 10) / 10;
  }

  /** What the carriers to `worker` share. */
  group(worker: number): CarrierGroup {
    let group = this.#groups.get(worker);
    if (group === undefined) {
      group = new CarrierGroup({ onBulk: () => this.#onBulk() });
      this.#groups.set(worker, group);
    }
    return group;
  }

  has(tunnel: LinkTunnel): boolean {
    return this.#tunnels.includes(tunnel);
  }

  add(tunnel: LinkTunnel): void {
    this.#tunnels.unshift(tunnel);
    const { workers } = tunnel.place;
    for (const worker of this.#groups.keys()) if (worker >= workers) this.#groups.delete(worker);
    if (this.#tunnels.length > workers)
      this.#stopLooking ??= this.#options.clock.setInterval(() => this.#shrink(), SHRINK_EVERY);
  }

  /** False when it was not among them. */
  remove(tunnel: LinkTunnel): boolean {
    if (!this.has(tunnel)) return false;
    this.#sent += tunnel.sent;
    this.#received += tunnel.received;
    this.#tunnels = this.#tunnels.filter((other) => other !== tunnel);
    if (this.#tunnels.length < 2) this.#stopLook();
    return true;
  }

  /** Lets go of all of them, and returns them. */
  clear(): readonly LinkTunnel[] {
    const all = this.#tunnels;
    for (const tunnel of all) this.remove(tunnel);
    return all;
  }

  /** A worker of the node that no carrier reaches. */
  get missing(): number | undefined {
    const workers = this.newest?.place.workers ?? 1;
    for (let worker = 0; worker < workers; worker++) if (this.#to(worker).length === 0) return worker;
    return undefined;
  }

  /** Whether `tunnel` landed where there is one already and `asked` for another worker. */
  isAstray(tunnel: LinkTunnel, asked: number | undefined): boolean {
    return asked !== undefined && tunnel.place.worker !== asked && this.#to(tunnel.place.worker).length > 1;
  }

  #to(worker: number): LinkTunnel[] {
    return this.#tunnels.filter((tunnel) => tunnel.place.worker === worker);
  }

  #stopLook(): void {
    this.#stopLooking?.();
    this.#stopLooking = undefined;
  }

  #onBulk(): void {
    const now = this.#options.clock.monotonic();
    this.#busyAt = now;
    if (now - this.#lookedAt < GROW_EVERY) return;
    this.#lookedAt = now;
    const place = this.newest?.place;
    if (place === undefined) return;
    for (let worker = 0; worker < place.workers; worker++) {
      const { shortest } = this.group(worker).path;
      const isNear = shortest > 0 && shortest < NEAR;
      const most = Math.min(place.carriers, isNear ? NEAR_CARRIERS : MOST_CARRIERS);
      const there = this.#to(worker);
      const bulk = there.reduce((sum, tunnel) => sum + tunnel.bulk, 0);
      const short = bulk === 0 ? 0 : Math.min(most, bulk + 1) - there.length;
      if (short > 0) this.#options.onShort(worker, short);
    }
  }

  /** Of each worker's carriers the one with most streams stays: the others' have to move. */
  #shrink(): void {
    if (this.#options.clock.monotonic() - this.#busyAt < QUIET) return;
    const workers = new Set(this.#tunnels.map((tunnel) => tunnel.place.worker));
    for (const worker of workers) {
      const [, ...spare] = this.#to(worker).sort((a, b) => b.streams - a.streams);
      for (const tunnel of spare) this.#options.onSpare(tunnel);
    }
  }
}
