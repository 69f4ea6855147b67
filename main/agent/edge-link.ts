import { randomBytes } from 'node:crypto';
import type { LinkState, NodeLink } from '../../shared/contract/agent-state.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { type Backoff, createBackoff } from '../../shared/node/backoff.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import { GO_AWAY, type GoAwayCode } from '../../shared/wire/codes.ts';
import { LinkCrew } from './link-crew.ts';
import type { LinkPlace, LinkTunnel, LinkTunnelEvents, TunnelDialler, TunnelEnd } from './link-tunnel.ts';
import { needsAPerson, SLOW } from './needs-a-person.ts';

export type { DialAsk, LinkPlace, LinkTunnel, LinkTunnelEvents, TunnelDialler, TunnelEnd } from './link-tunnel.ts';

/** A tunnel that was up this many milliseconds ends the growth of the delay. */
const PROVEN = 10_000;
/** Milliseconds that the edge has to answer a ping after sleep or a change of networks. */
const PROBE = 2_000;
/** Milliseconds that streams of a tunnel which is going away may still take. */
const DRAIN = 35_000;
/** After a planned go-away agents come back spread over this many milliseconds. */
const SPREAD = 300;
/** Bytes that are no news: the pings of an idle link move as much in a minute. */
const NO_NEWS = 1024;
/** Tunnels that are going away and not gone yet, at most; the oldest is cut for a newer one. */
const DRAINING = 64;

export interface EdgeLinkOptions {
  readonly dial: TunnelDialler;
  /** Where it dials, for people: `edge.example.com:443`. */
  readonly address?: string;
  readonly clock?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** Keeps a link to one edge node alive, for ever: one tunnel while little happens, more while there is more to carry. */
export interface EdgeLink {
  readonly state: LinkState;
  /** The same, with what else is known of it; a copy, as of now. */
  readonly view: NodeLink;
  /** Where its newest tunnel has landed; `undefined` until one was up. */
  readonly place: LinkPlace | undefined;
  /** The edge's address as the system knows it, while the link is up and no proxy is in between. */
  readonly remoteAddress: string | undefined;
  onChange(listener: () => void): () => void;
  /** The machine woke up or changed networks: asks for a sign of life, and dials what may have to take over. */
  resumed(): void;
  /** The user wants no tunnel. */
  pause(): void;
  /** The user wants it back. */
  unpause(): void;
  /** Dials no more, and lets what is under way finish. */
  leave(): void;
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
    return failure('edge_incompatible', { address: because('the_edge'), reason: because('no_common_version') });
  if (end.code === GO_AWAY.REPLACED) return failure('offline', { reason: because('replaced') });
  if (end.code === GO_AWAY.SHUTDOWN) return failure('offline', { reason: because('edge_restarts') });
  return failure('offline', { reason: end.reason });
}

class Link implements EdgeLink {
  readonly #options: EdgeLinkOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  readonly #listeners = new Set<() => void>();
  /** Its name at the edge: nobody else's. */
  readonly #id = randomBytes(16).toString('hex');
  readonly #crew: LinkCrew;
  readonly #draining: LinkTunnel[] = [];
  /** Dials for carriers that would do good, by the worker they are for. */
  readonly #extra = new Map<AbortController, number>();
  /** Between extra dials that failed. */
  readonly #extraBackoff: Backoff;
  #extraFrom = Number.NEGATIVE_INFINITY;
  #state: LinkState;
  #lastError: NodeLink['lastError'];
  /** Ends the try that is under way; undefined between tries. */
  #trying: AbortController | undefined;
  #cancelWait: (() => void) | undefined;
  #upSince = 0;
  /** Bytes moved when the listeners were told last. */
  #movedAtNews = 0;
  #closed = false;

  constructor(options: EdgeLinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = createBackoff(this.#random);
    this.#extraBackoff = createBackoff(this.#random);
    this.#state = { state: 'connecting', since: this.#clock.now() };
    this.#crew = new LinkCrew({
      clock: this.#clock,
      onShort: (worker, count) => this.#grow(worker, count),
      onSpare: (tunnel) => this.#spare(tunnel),
    });
    void this.#try();
  }

  get state(): LinkState {
    return this.#state;
  }

  get place(): LinkPlace | undefined {
    return this.#crew.newest?.place;
  }

  get remoteAddress(): string | undefined {
    return this.#crew.newest?.remoteAddress;
  }

  get view(): NodeLink {
    const { address } = this.#options;
    const nodeId = this.place?.nodeId;
    const { sent, received } = this.#crew.moved;
    return {
      ...this.#state,
      ...(address === undefined ? {} : { address }),
      ...(nodeId === undefined ? {} : { nodeId }),
      carriers: this.#crew.tunnels.length,
      bytesUp: sent,
      bytesDown: received,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  resumed(): void {
    if (this.#closed || this.#state.state === 'paused') return;
    this.#backoff.reset();
    const newest = this.#crew.newest;
    // A try from before the sleep may hang until its timeout on a connection that no longer exists.
    if (newest === undefined) {
      void this.#try();
      return;
    }
    for (const tunnel of this.#crew.tunnels) tunnel.probe(PROBE);
    // Whether they live is known in two seconds; a fresh one is there sooner, and an edge that knows links prefers it.
    if (newest.place.carriers > 1 && this.#extra.size === 0) void this.#dialExtra(newest.place.worker, false);
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

  leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#stopDialling();
    for (const tunnel of this.#crew.clear()) this.#drain(tunnel, DRAIN);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#stop();
  }

  #stop(): void {
    this.#stopDialling();
    for (const tunnel of this.#crew.clear()) tunnel.destroy();
    for (const tunnel of this.#draining.splice(0)) tunnel.destroy();
  }

  #stopDialling(): void {
    this.#cancelWait?.();
    this.#trying?.abort();
    this.#trying = undefined;
    for (const extra of this.#extra.keys()) extra.abort();
    this.#extra.clear();
  }

  /** Dials the first carrier, or one to a worker that has none. */
  async #try(): Promise<void> {
    this.#cancelWait?.();
    this.#trying?.abort();
    const trying = new AbortController();
    this.#trying = trying;
    if (this.#state.nextTryAt !== undefined) this.#show(without(this.#state, 'nextTryAt'));
    const worker = this.#crew.newest === undefined ? undefined : this.#crew.missing;
    const taken = await this.#dial(trying.signal, this.#crew.newest !== undefined, worker);
    if (taken === 'given up') return;
    this.#trying = undefined;
    if (taken !== 'up') return this.#retry(taken);
    if (this.#state.state === 'up') this.#mend(worker === undefined || this.#crew.missing !== worker);
  }

  /** Dials one carrier and takes it in. */
  async #dial(signal: AbortSignal, grows: boolean, worker: number | undefined): Promise<'up' | 'given up' | Failure> {
    const watch = this.#watchTunnel();
    const group = (of: number) => this.#crew.group(of);
    const ask = { link: this.#id, grows, group, ...(worker === undefined ? {} : { worker }) };
    const dialled = await this.#options.dial(watch.events, signal, ask);
    if (signal.aborted) {
      if (dialled.ok) dialled.value.destroy();
      return 'given up';
    }
    if (!dialled.ok) return dialled.error;
    if (this.#crew.newest === undefined) {
      this.#upSince = this.#clock.now();
      this.#cancelWait?.();
    }
    this.#crew.add(dialled.value);
    this.#showUp();
    // What happened to the tunnel before the link had hold of it.
    watch.start(dialled.value);
    if (this.#crew.isAstray(dialled.value, worker)) this.#spare(dialled.value);
    return 'up';
  }

  /** Sees to workers without a carrier: at once after `success`, else after a while. */
  #mend(success: boolean): void {
    if (this.#closed || this.#trying !== undefined || this.#crew.missing === undefined) return;
    this.#cancelWait?.();
    if (success) void this.#try();
    else this.#cancelWait = this.#clock.setTimeout(() => void this.#try(), this.#backoff.next());
  }

  #grow(worker: number, count: number): void {
    const now = this.#clock.monotonic();
    if (this.#closed || now < this.#extraFrom) return;
    const under = [...this.#extra.values()].filter((of) => of === worker).length;
    for (let i = under; i < count; i++) void this.#dialExtra(worker, true);
  }

  async #dialExtra(worker: number, grows: boolean): Promise<void> {
    const trying = new AbortController();
    this.#extra.set(trying, worker);
    const several = (this.place?.workers ?? 1) > 1;
    const taken = await this.#dial(trying.signal, grows, several ? worker : undefined);
    if (!this.#extra.delete(trying) || taken === 'given up') return;
    if (taken === 'up') {
      this.#extraBackoff.reset();
      return;
    }
    // The link is no worse than before.
    this.#lastError = { at: this.#clock.now(), failure: taken };
    this.#extraFrom = this.#clock.monotonic() + this.#extraBackoff.next();
  }

  /** `tunnel` is not needed: the edge moves what is on it to another, and closes it. */
  #spare(tunnel: LinkTunnel): void {
    if (!this.#crew.remove(tunnel)) return;
    this.#drain(tunnel);
    this.#showUp();
  }

  #drain(tunnel: LinkTunnel, deadline?: number): void {
    this.#draining.push(tunnel);
    if (this.#draining.length > DRAINING) this.#draining.shift()?.destroy();
    tunnel.drain(deadline);
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
        onRoundTrip: () => mine !== undefined && this.#crew.has(mine) && this.#onMeasured(),
      },
      start(tunnel) {
        mine = tunnel;
        for (const run of early.splice(0)) run();
      },
    };
  }

  #onGoAway(tunnel: LinkTunnel, code: GoAwayCode): void {
    if (!this.#crew.remove(tunnel)) return;
    this.#drain(tunnel, DRAIN);
    const reason = endFailure({ code, reason: because('edge_ended') });
    if (this.#crew.newest !== undefined) this.#afterLoss();
    else if (code === GO_AWAY.SHUTDOWN) this.#wait(this.#random() * SPREAD, 'connecting', reason);
    // Two holders of one credential would push each other out without end.
    else this.#retry(reason, true);
  }

  #onClosed(tunnel: LinkTunnel, end: TunnelEnd): void {
    const at = this.#draining.indexOf(tunnel);
    if (at !== -1) this.#draining.splice(at, 1);
    if (!this.#crew.remove(tunnel)) return;
    if (this.#crew.newest !== undefined) {
      this.#lastError = { at: this.#clock.now(), failure: endFailure(end) };
      this.#afterLoss();
      return;
    }
    if (this.#clock.now() - this.#upSince >= PROVEN) this.#backoff.reset();
    this.#retry(endFailure(end), end.code === GO_AWAY.REPLACED);
  }

  /** A carrier is gone and others are there: the link is up. */
  #afterLoss(): void {
    this.#showUp();
    this.#mend(false);
  }

  #retry(reason: Failure, slow = needsAPerson(reason)): void {
    this.#lastError = { at: this.#clock.now(), failure: reason };
    // With a carrier left, only some worker waits for its own.
    if (this.#crew.newest !== undefined) {
      this.#mend(false);
      return;
    }
    // Slow tries keep a floor: without one, jitter alone would let some follow at once.
    this.#wait(slow ? SLOW * (0.5 + this.#random() / 2) : this.#backoff.next(), 'down', reason);
  }

  #wait(delay: number, state: 'connecting' | 'down', reason: Failure): void {
    const now = this.#clock.now();
    const since = this.#state.state === state ? this.#state.since : now;
    if (this.#trying !== undefined) {
      // One that was to reach some worker: any carrier will do now.
      this.#show({ state, since, failure: reason });
      return;
    }
    this.#show({ state, since, failure: reason, nextTryAt: Math.round(now + delay) });
    this.#cancelWait?.();
    this.#cancelWait = this.#clock.setTimeout(() => void this.#try(), delay);
  }

  /** Bytes and round trip are looked at when the peer has answered a ping; a link that only pings tells nobody anything. */
  #onMeasured(): void {
    const news = this.#state.state !== 'up' || this.#moved() - this.#movedAtNews >= NO_NEWS;
    if (news || !isAlike(this.#state.roundTrip, this.#crew.roundTrip)) this.#showUp(true);
  }

  #moved(): number {
    const { sent, received } = this.#crew.moved;
    return sent + received;
  }

  #showUp(always = false): void {
    const { roundTrip } = this.#crew;
    const { state, since, roundTrip: shown } = this.#state;
    if (!always && state === 'up' && since === this.#upSince && shown === roundTrip) return;
    this.#show({ state: 'up', since: this.#upSince, ...(roundTrip === undefined ? {} : { roundTrip }) });
  }

  #show(state: LinkState): void {
    this.#state = state;
    this.#movedAtNews = this.#moved();
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Whether two round trips are the same to a reader: they differ by less than a millisecond, or than a tenth. */
function isAlike(shown: number | undefined, measured: number | undefined): boolean {
  if (shown === undefined || measured === undefined) return shown === measured;
  return Math.abs(shown - measured) < Math.max(1, shown / 10);
}

function without(state: LinkState, key: 'nextTryAt'): LinkState {
  const { [key]: _, ...rest } = state;
  return rest;
}
