import type { LinkState } from '../../shared/contract/agent-state.ts';
import { type Failure, type FailureCode, failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import { type Backoff, createBackoff } from '../../shared/node/backoff.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import { GO_AWAY, type GoAwayCode } from '../../shared/wire/codes.ts';

/** Most milliseconds between tries when only a person can help. */
const SLOW = 60_000;
/** A tunnel that was up this many milliseconds ends the growth of the delay. */
const PROVEN = 10_000;
/** Milliseconds that the edge has to answer a ping after sleep or a change of networks. */
const PROBE = 2_000;
/** Milliseconds that streams of a tunnel which is going away may still take. */
const DRAIN = 35_000;
/** After a planned go-away agents come back spread over this many milliseconds. */
const SPREAD = 300;
/** Tunnels that are going away and not gone yet, at most; the oldest is cut for a newer one. */
const DRAINING = 4;

/** Refusals that the same try won't get past without somebody doing something. */
const NEEDS_A_PERSON: ReadonlySet<FailureCode> = new Set(['credential_unknown', 'edge_untrusted', 'edge_incompatible']);

/** One tunnel, as the link sees it. */
export interface LinkTunnel {
  /** Smoothed round-trip time in milliseconds, once measured. */
  readonly roundTrip: number | undefined;
  /** Pings; the tunnel closes itself when nothing at all arrives within `wait` milliseconds. */
  probe(wait: number): void;
  /** Takes no new streams and closes when the last one is over, at the latest after `deadline` milliseconds. */
  drain(deadline: number): void;
  /** Closes at once. Idempotent; no event follows. */
  destroy(): void;
}

/** How a tunnel ended: by the peer's go-away code, if it sent one. */
export interface TunnelEnd {
  readonly code?: GoAwayCode;
  /** For the log and for people. */
  readonly reason: string;
}

export interface LinkTunnelEvents {
  /** The edge goes away on its own terms: streams may finish. */
  onGoAway(code: GoAwayCode): void;
  /** The tunnel is gone. Once, and last. */
  onClosed(end: TunnelEnd): void;
  /** A new round-trip time may have been measured. */
  onRoundTrip(): void;
}

/** Dials, shakes hands, and yields a tunnel that is up. */
export type TunnelDialler = (events: LinkTunnelEvents, signal: AbortSignal) => Promise<Result<LinkTunnel, Failure>>;

export interface EdgeLinkOptions {
  readonly dial: TunnelDialler;
  readonly clock?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** Keeps one tunnel to one edge node alive, for ever. */
export interface EdgeLink {
  readonly state: LinkState;
  onChange(listener: () => void): () => void;
  /** The machine woke up or changed networks: pings now, and dials now what is down. */
  resumed(): void;
  /** The user wants no tunnel. */
  pause(): void;
  /** The user wants it back. */
  unpause(): void;
  /** Ends everything. Idempotent. */
  close(): void;
}

/** A link that starts dialling at once. */
export function createEdgeLink(options: EdgeLinkOptions): EdgeLink {
  return new Link(options);
}

/** What is wrong with the link after a tunnel ended by `end`. */
export function endFailure(end: TunnelEnd): Failure {
  if (end.code === GO_AWAY.CREDENTIAL) return failure('credential_unknown');
  if (end.code === GO_AWAY.VERSION)
    return failure('edge_incompatible', { address: 'the edge', reason: 'no common protocol version' });
  if (end.code === GO_AWAY.REPLACED)
    return failure('offline', { reason: 'another Porthole with the same credential took its place' });
  return failure('offline', { reason: end.reason });
}

class Link implements EdgeLink {
  readonly #dial: TunnelDialler;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #draining: LinkTunnel[] = [];
  #state: LinkState;
  #tunnel: LinkTunnel | undefined;
  /** Ends the try that is under way; undefined between tries. */
  #trying: AbortController | undefined;
  #cancelWait: (() => void) | undefined;
  #upSince = 0;
  #closed = false;

  constructor(options: EdgeLinkOptions) {
    this.#dial = options.dial;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = createBackoff(this.#random);
    this.#state = { state: 'connecting', since: this.#clock.now() };
    void this.#try();
  }

  get state(): LinkState {
    return this.#state;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  resumed(): void {
    if (this.#closed || this.#state.state === 'paused') return;
    this.#backoff.reset();
    // A try from before the sleep may hang until its timeout on a connection that no longer exists.
    if (this.#tunnel === undefined) void this.#try();
    else this.#tunnel.probe(PROBE);
  }

  pause(): void {
    if (this.#closed || this.#state.state === 'paused') return;
    this.#stop();
    this.#show({ state: 'paused', since: this.#clock.now() });
  }

  unpause(): void {
    if (this.#closed || this.#state.state !== 'paused') return;
    this.#backoff.reset();
    this.#show({ state: 'connecting', since: this.#clock.now() });
    void this.#try();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#stop();
  }

  #stop(): void {
    this.#cancelWait?.();
    this.#trying?.abort();
    this.#trying = undefined;
    this.#tunnel?.destroy();
    this.#tunnel = undefined;
    for (const tunnel of this.#draining.splice(0)) tunnel.destroy();
  }

  async #try(): Promise<void> {
    this.#cancelWait?.();
    this.#trying?.abort();
    const trying = new AbortController();
    this.#trying = trying;
    if (this.#state.nextTryAt !== undefined) this.#show(without(this.#state, 'nextTryAt'));
    const watch = this.#watchTunnel();
    const dialled = await this.#dial(watch.events, trying.signal);
    if (trying.signal.aborted) {
      if (dialled.ok) dialled.value.destroy();
      return;
    }
    this.#trying = undefined;
    if (!dialled.ok) return this.#retry(dialled.error);
    this.#tunnel = dialled.value;
    this.#upSince = this.#clock.now();
    this.#showUp();
    // What happened to the tunnel before the link had hold of it.
    watch.start(dialled.value);
  }

  /** The events of one tunnel, held back until the dial has handed it over; ignored once it is not ours any more. */
  #watchTunnel(): { readonly events: LinkTunnelEvents; start(tunnel: LinkTunnel): void } {
    let mine: LinkTunnel | undefined;
    const early: (() => void)[] = [];
    const when = (run: (tunnel: LinkTunnel) => void): void => {
      if (mine === undefined) early.push(() => when(run));
      else run(mine);
    };
    return {
      events: {
        onGoAway: (code) => when((tunnel) => this.#onGoAway(tunnel, code)),
        onClosed: (end) => when((tunnel) => this.#onClosed(tunnel, end)),
        onRoundTrip: () => mine !== undefined && mine === this.#tunnel && this.#showUp(),
      },
      start(tunnel) {
        mine = tunnel;
        for (const run of early.splice(0)) run();
      },
    };
  }

  #onGoAway(tunnel: LinkTunnel, code: GoAwayCode): void {
    if (tunnel !== this.#tunnel) return;
    this.#tunnel = undefined;
    this.#draining.push(tunnel);
    if (this.#draining.length > DRAINING) this.#draining.shift()?.destroy();
    tunnel.drain(DRAIN);
    if (code === GO_AWAY.SHUTDOWN) {
      const reason = 'the edge is restarting';
      this.#wait(this.#random() * SPREAD, 'connecting', failure('offline', { reason }));
    } else {
      // Two holders of one credential would push each other out without end.
      this.#retry(endFailure({ code, reason: 'the edge ended it' }), true);
    }
  }

  #onClosed(tunnel: LinkTunnel, end: TunnelEnd): void {
    const at = this.#draining.indexOf(tunnel);
    if (at !== -1) this.#draining.splice(at, 1);
    if (tunnel !== this.#tunnel) return;
    this.#tunnel = undefined;
    if (this.#clock.now() - this.#upSince >= PROVEN) this.#backoff.reset();
    this.#retry(endFailure(end), end.code === GO_AWAY.REPLACED);
  }

  #retry(reason: Failure, slow = NEEDS_A_PERSON.has(reason.code)): void {
    // Slow tries keep a floor: without one, jitter alone would let some follow at once.
    this.#wait(slow ? SLOW * (0.5 + this.#random() / 2) : this.#backoff.next(), 'down', reason);
  }

  #wait(delay: number, state: 'connecting' | 'down', reason: Failure): void {
    const now = this.#clock.now();
    const since = this.#state.state === state ? this.#state.since : now;
    this.#show({ state, since, failure: reason, nextTryAt: Math.round(now + delay) });
    this.#cancelWait = this.#clock.setTimeout(() => void this.#try(), delay);
  }

  #showUp(): void {
    const measured = this.#tunnel?.roundTrip;
    const roundTrip = measured === undefined ? undefined : Math.round(measured * 10) / 10;
    if (this.#state.state === 'up' && this.#state.since === this.#upSince && this.#state.roundTrip === roundTrip)
      return;
    this.#show({ state: 'up', since: this.#upSince, ...(roundTrip === undefined ? {} : { roundTrip }) });
  }

  #show(state: LinkState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

function without(state: LinkState, key: 'nextTryAt'): LinkState {
  const { [key]: _, ...rest } = state;
  return rest;
}
