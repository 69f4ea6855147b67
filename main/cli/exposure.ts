import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { type Failure, type FailureCode, failure } from '../../shared/domain/failure.ts';
import { EXPOSURE_LIFETIME, EXPOSURE_RENEWAL } from '../../shared/domain/service.ts';
import { type Clock, pause } from '../../shared/node/clock.ts';
import type { Session } from './session.ts';

/** Milliseconds between tries after a renewal that failed. */
const RETRY = 3_000;
/** A pause that took this many milliseconds too long means that the machine slept. */
const LATE = 5_000;
/** After these the exposure is gone, and no further try brings it back. */
const OVER: ReadonlySet<FailureCode> = new Set(['exposure_expired', 'service_not_found', 'credential_unknown']);
/** Milliseconds that saying goodbye to the edge may take. */
const GOODBYE = 5_000;

/** How an exposure ended. */
export interface End {
  /** Absent when it ended as its user wished. */
  readonly failure: Failure | undefined;
  words(domain: string): string;
}

export interface ExposureHolder {
  /** Aborts when the end begins. */
  readonly ending: AbortSignal;
  /** Resolves when the exposure is over, here and at the edge. */
  readonly ended: Promise<End>;
}

export interface HoldOptions {
  readonly session: Pick<Session, 'call' | 'on' | 'closed' | 'own'>;
  readonly service: Pick<ServiceView, 'id'>;
  readonly clock: Clock;
  /** The user wants it to end. */
  readonly signal: AbortSignal;
  /** Milliseconds after which it ends by itself. */
  readonly lifetime: number | undefined;
}

type Cause =
  | { readonly by: 'user' | 'time' | 'app' | 'removed' }
  | { readonly by: 'renewal'; readonly failure: Failure };

/**
 * Keeps an exposure alive: renews it every 30 s and tries again after a failure until 90 s are over. It ends when its
 * user says so, its time is up, the app that carries it goes away, somebody removes it, or it can't be renewed; and
 * then it is removed at the edge, not left to expire.
 */
export function holdExposure({ session, service, clock, signal, lifetime }: HoldOptions): ExposureHolder {
  const controller = new AbortController();
  const causes = Promise.withResolvers<Cause>();
  const end = (cause: Cause): void => {
    causes.resolve(cause);
    controller.abort();
  };
  const onAbort = (): void => end({ by: 'user' });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const cancelLifetime = lifetime === undefined ? undefined : clock.setTimeout(() => end({ by: 'time' }), lifetime);
  void session.closed.then(() => end({ by: 'app' }));
  const stopWatching = session.on(
    'state',
    watchRemoval(service.id, () => end({ by: 'removed' })),
  );
  void renewUntil(session, service.id, clock, controller.signal).then((fault) => {
    if (fault !== undefined) end({ by: 'renewal', failure: fault });
  });

  async function finish(): Promise<End> {
    const cause = await causes.promise;
    signal.removeEventListener('abort', onAbort);
    cancelLifetime?.();
    stopWatching();
    const removed = cause.by === 'user' || cause.by === 'time' ? await remove(session, service.id, clock) : undefined;
    return describeEnd(cause, removed);
  }
  return { ending: controller.signal, ended: finish() };
}

/** Calls back when a service that was listed is listed no more, though the edge is there. */
function watchRemoval(id: string, onRemoved: () => void): (state: AgentState) => void {
  let listed = false;
  return ({ services, servicesKnown, edge }) => {
    const here = services.some((s) => s.id === id);
    if (listed && !here && servicesKnown && edge.link.state === 'up') onRemoved();
    listed ||= here;
  };
}

/** Resolves with why when it can't be renewed any more, or with `undefined` after `ending`. */
async function renewUntil(
  session: Pick<Session, 'call'>,
  id: string,
  clock: Clock,
  ending: AbortSignal,
): Promise<Failure | undefined> {
  let last = clock.monotonic();
  let delay = EXPOSURE_RENEWAL;
  for (let paused = last; await pause(clock, delay, ending); paused = clock.monotonic()) {
    const asked = clock.monotonic();
    // Where the clock runs on in sleep, the link may need a moment. The edge gives a whole lifetime then, too.
    if (asked - paused > delay + LATE) last = asked;
    const reply = await session.call('services:renew', { id });
    if (ending.aborted) return undefined;
    if (reply.ok) last = asked;
    else if (OVER.has(reply.error.code) || clock.monotonic() - last >= EXPOSURE_LIFETIME) return reply.error;
    delay = reply.ok ? EXPOSURE_RENEWAL : RETRY;
  }
  return undefined;
}

/** Why it could not be removed; `undefined` when it is gone. */
async function remove(session: Pick<Session, 'call'>, id: string, clock: Clock): Promise<Failure | undefined> {
  const done = new AbortController();
  const late = pause(clock, GOODBYE, done.signal).then(() =>
    failure('offline', { reason: 'the edge does not answer' }),
  );
  const reply = session
    .call('services:remove', { id })
    .then((r) => (r.ok || OVER.has(r.error.code) ? undefined : r.error));
  const first = await Promise.race([reply, late]);
  done.abort();
  return first;
}

function describeEnd(cause: Cause, leftBehind: Failure | undefined): End {
  if (leftBehind !== undefined)
    return {
      failure: leftBehind,
      words: (domain) =>
        `${domain} could not be ended at the edge: ${leftBehind.message} It expires by itself within 95 seconds.`,
    };
  switch (cause.by) {
    case 'user':
      return { failure: undefined, words: (domain) => `${domain} is no longer public.` };
    case 'time':
      return { failure: undefined, words: (domain) => `The time is up: ${domain} is no longer public.` };
    case 'app':
      return {
        failure: failure('app_not_running'),
        words: (domain) => `The Porthole that carried ${domain} has ended, and the exposure with it.`,
      };
    case 'removed':
      return {
        failure: failure('exposure_expired'),
        words: (domain) => `${domain} was ended elsewhere; it is no longer public.`,
      };
    case 'renewal':
      return {
        failure: cause.failure,
        words: (domain) => `${domain} could not be kept: ${cause.failure.message}`,
      };
  }
}
