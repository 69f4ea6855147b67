import type { Socket } from 'node:net';
import type { Clock } from '../../shared/node/clock.ts';
import { edgeHandshake, type HandshakeFailure } from '../../shared/node/handshake.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { createTunnel, type TunnelEnd } from '../../shared/node/tunnel.ts';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import { type Hello, type NodeAddress, PROTOCOL } from '../../shared/wire/handshake.ts';
import type { BoundName, BoundWatch } from '../bounds.ts';
import { FewLines } from '../few-lines.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Seat, TunnelRegistry } from './registry.ts';
import { FailureThrottle } from './throttle.ts';

/** What the store says to an agent's credential; `unavailable` when it can't be asked right now. */
export type Verdict = 'known' | 'unknown' | 'unavailable';

export interface AcceptorOptions {
  readonly registry: TunnelRegistry;
  readonly nodeId: string;
  /** Version of this software, for people. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bounds?: BoundWatch;
  /** Whether `credential` belongs to agent `agentId`. Compares in constant time. */
  readonly authenticate: (agentId: string, credential: string) => Promise<Verdict>;
  /** Whom a source address stands for when failures are counted. */
  readonly sourceOf: (address: string) => string;
  /** Whether failures from `address` leave it less room. Not for loopback: there all agents share one address. */
  readonly throttled: (address: string) => boolean;
  /** An agent has proved itself, or its tunnel has ended. */
  readonly onSeen: (agentId: string) => void;
  /** Handshakes under way at once; default 256. */
  readonly maxPending?: number;
  /** Of these from one source, so that one stranger can't keep all agents out; default 32. */
  readonly maxPendingPerSource?: number;
  /** Which of the node's processes this is, and how many there are; the only one unless told. */
  readonly place?: { readonly worker: number; readonly workers: number };
  /** The nodes that agents may link to, as of now; none unless told. */
  readonly nodes?: () => readonly NodeAddress[];
}

/** Handshakes under way from a source whose attempts failed too often; a good agent may share it, so not none. */
const MAX_PENDING_HELD_OFF = 4;

/** A handshake under way. */
interface Pending {
  readonly socket: Socket;
  readonly source: string;
  /** Its HELLO has come. */
  heard: boolean;
  /** Its agent is known, and what is to become of it has a place. */
  seat?: Seat;
}

/**
 * Turns a TLS connection of an agent into a tunnel in the registry, if the agent proves who it is.
 *
 * An agent says HELLO at once. So where there is no room, the one that has been silent for longest makes some, and
 * whoever only keeps connections open keeps nobody out.
 */
export class TunnelAcceptor {
  readonly #options: AcceptorOptions;
  readonly #throttle: FailureThrottle;
  readonly #refusalLines: FewLines;
  readonly #stop = new AbortController();
  /** Oldest first. */
  readonly #pending = new Set<Pending>();
  readonly #pendingOf = new Map<string, number>();
  /** Agents turned away since the start. */
  refused = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#throttle = new FailureThrottle(() => options.clock.monotonic());
    this.#refusalLines = new FewLines(options.clock);
  }

  /** Takes over `socket`, whatever becomes of it. Never rejects. */
  async accept(socket: Socket): Promise<void> {
    const source = this.#options.sourceOf(socket.remoteAddress ?? '');
    const full = this.#makeRoom(source, this.#roomOf(socket, source));
    if (full !== undefined) {
      this.refused++;
      this.#options.bounds?.hit(full, { address: source });
      socket.destroy();
      return;
    }
    const pending: Pending = { socket, source, heard: false };
    this.#pending.add(pending);
    this.#pendingOf.set(source, (this.#pendingOf.get(source) ?? 0) + 1);
    try {
      await this.#shakeHands(pending);
    } catch (error) {
      this.#options.logger.error('tunnel handshake failed', { error });
      socket.destroy();
    } finally {
      this.#forget(pending);
      if (pending.seat !== undefined) this.#options.registry.giveUp(pending.seat);
    }
  }

  /** How many handshakes `source` may have under way. */
  #roomOf(socket: Socket, source: string): number {
    const heldOff = this.#options.throttled(socket.remoteAddress ?? '') && !this.#throttle.allows(source);
    const room = this.#options.maxPendingPerSource ?? DEFAULT_LIMITS.agentHandshakesPerAddress;
    return heldOff ? Math.min(room, MAX_PENDING_HELD_OFF) : room;
  }

  /** Lets one more handshake of `source` begin, if need be at the cost of a silent one; else yields the bound in its way. */
  #makeRoom(source: string, room: number): BoundName | undefined {
    const most = this.#options.maxPending ?? DEFAULT_LIMITS.agentHandshakes;
    const crowd = (this.#pendingOf.get(source) ?? 0) >= room;
    if (crowd && !this.#cutSilent('agentHandshakesPerAddress', (p) => p.source === source))
      return 'agentHandshakesPerAddress';
    const full = this.#pending.size >= most && !this.#cutSilent('agentHandshakes', () => true);
    return full ? 'agentHandshakes' : undefined;
  }

  #cutSilent(bound: BoundName, fits: (pending: Pending) => boolean): boolean {
    for (const pending of this.#pending) {
      if (pending.heard || !fits(pending)) continue;
      this.#forget(pending);
      this.#options.bounds?.hit(bound, { address: pending.source });
      pending.socket.destroy();
      return true;
    }
    return false;
  }

  #forget(pending: Pending): void {
    if (!this.#pending.delete(pending)) return;
    const left = (this.#pendingOf.get(pending.source) ?? 1) - 1;
    if (left === 0) this.#pendingOf.delete(pending.source);
    else this.#pendingOf.set(pending.source, left);
  }

  /** Ends the handshakes that are under way. */
  close(): void {
    this.#stop.abort();
  }

  async #shakeHands(pending: Pending): Promise<void> {
    const { clock, logger } = this.#options;
    const { socket, source } = pending;
    const onHello = (sent: Hello) => {
      pending.heard = true;
      return this.#verify(pending, sent);
    };
    const hello = await edgeHandshake(socket, onHello, { clock, signal: this.#stop.signal });
    if (!hello.ok) {
      this.refused++;
      // A node that can't ask its store, or a broken network, is no fault of the agent's.
      if (isFault(hello.error)) this.#throttle.failed(source);
      const unsaid = this.#refusalLines.next();
      if (unsaid !== undefined) logger.info('agent turned away', { address: source, ...hello.error, unsaid });
      return;
    }
    const { seat } = pending;
    if (seat === undefined) return;
    delete pending.seat;
    this.#register(socket, hello.value, seat);
  }

  async #verify(pending: Pending, hello: Hello): ReturnType<Parameters<typeof edgeHandshake>[1]> {
    const { authenticate, nodeId, version, registry, bounds, place, nodes } = this.#options;
    const verdict = await authenticate(hello.agentId, hello.credential);
    if (verdict === 'unknown') return GO_AWAY.CREDENTIAL;
    if (verdict === 'unavailable') return GO_AWAY.INTERNAL;
    // Welcomed only to be sent away, an agent would give up another link for this one.
    if (registry.draining) return GO_AWAY.SHUTDOWN;
    const seat = registry.reserve(hello.agentId, hello.link, hello.grows);
    if (seat === undefined) {
      bounds?.hit('carriersPerTunnel', { agentId: hello.agentId });
      return GO_AWAY.LIMIT;
    }
    pending.seat = seat;
    const { streams: maxStreams, carriers } = registry.limits;
    const welcome = { protocol: PROTOCOL, nodeId, version, maxStreams };
    if (hello.link === undefined) return welcome;
    return { ...welcome, carriers, carrier: seat.carrier, workers: 1, worker: 0, ...place, nodes: nodes?.() ?? [] };
  }

  #register(socket: Socket, { agentId, name, version }: Hello, seat: Seat): void {
    const { registry, clock, onSeen } = this.#options;
    const logger = this.#options.logger.child({ agentId });
    const tunnel = createTunnel({
      socket,
      role: 'edge',
      clock,
      logger,
      maxStreams: registry.limits.streams,
      group: seat.link.group,
      carrier: seat.carrier,
      onGoAway: () => seat.link.leave(tunnel),
      onClose: (end: TunnelEnd) => {
        registry.remove(seat, tunnel);
        onSeen(agentId);
        logger.info('tunnel down', { ...end });
      },
    });
    logger.info('tunnel up', { agentName: name, agentVersion: version, carrier: seat.carrier });
    registry.add(seat, tunnel);
    onSeen(agentId);
  }
}

const isFault = (failure: HandshakeFailure): boolean =>
  failure.kind === 'malformed' ||
  failure.kind === 'timeout' ||
  (failure.kind === 'refused' && failure.code === GO_AWAY.CREDENTIAL);
