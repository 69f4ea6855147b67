import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket, connect as socketConnect } from 'node:net';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { StreamHandler, StreamOpener, TunnelStream } from '../../shared/node/stream.ts';
import { createTunnel, type Tunnel } from '../../shared/node/tunnel.ts';
import type { AgentStream } from '../../shared/node/tunnel-stream.ts';
import { GO_AWAY, RESET } from '../../shared/wire/codes.ts';
import { MAX_STREAMS } from '../../shared/wire/handshake.ts';
import { decodeDetour, encodeDetour } from './detour.ts';
import type { Neighbour, WorkerStart } from './protocol.ts';
import { Through } from './through.ts';

/** Milliseconds until a link to a neighbour that broke is tried again. */
const REDIAL = 250;

export interface NeighboursOptions {
  /** This worker's own number. */
  readonly index: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The other workers of this node, each reached over one link of the tunnel's own protocol on a Unix socket. A stream
 * for an agent that has no link to this worker (yet) takes the detour through one that has: right after a start or the
 * crash of a worker, and for agents that keep to one link. It costs another pass through a process; links of their own
 * cost nothing, so those are always preferred.
 */
export class Neighbours implements StreamOpener {
  readonly #options: NeighboursOptions;
  readonly #links = new Map<number, Link>();
  #own: StreamOpener = nobody;
  /** Tunnels that others have dialled to this worker. */
  readonly #incoming = new Set<Tunnel>();
  /** Which other workers have links to an agent. Bounded by the agents that are linked to this node. */
  readonly #agents = new Map<string, readonly number[]>();
  #server: Server | undefined;
  #turn = 0;
  /** Streams of neighbours that pass through this worker. */
  #passing = 0;
  #onQuiet: (() => void) | undefined;
  /** Streams that took the detour since the start. */
  detours = 0;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Sets the links of agents to this worker, and yields those of agents to the node. */
  over(own: StreamOpener): StreamOpener {
    this.#own = own;
    return this;
  }

  /** Waits for other workers at the Unix socket `path`, in a folder that only this user can enter. */
  listen(path: string): Promise<Result<void, Failure>> {
    rmSync(path, { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve) => {
      server.once('error', (error) =>
        resolve(err(failure('address_unavailable', { address: path, reason: error.message }))),
      );
      server.listen(path, () => resolve(ok(undefined)));
    });
  }

  /** Keeps links to exactly these. */
  follow(neighbours: readonly Neighbour[]): void {
    const wanted = new Map(neighbours.map(({ index, path }) => [index, path]));
    for (const [index, link] of this.#links) {
      if (wanted.get(index) === link.path) continue;
      link.close();
      this.#links.delete(index);
    }
    for (const [index, path] of wanted) {
      if (index === this.#options.index || this.#links.has(index)) continue;
      this.#links.set(index, new Link(path, this.#options));
    }
  }

  /** Takes in which workers have links to these agents. */
  learn(agents: WorkerStart['agents']): void {
    for (const [agentId, workers] of agents) {
      const others = workers.filter((index) => index !== this.#options.index);
      if (others.length > 0) this.#agents.set(agentId, others);
      else this.#agents.delete(agentId);
    }
  }

  open(agentId: string, open: Uint8Array, handler: StreamHandler): TunnelStream | 'agent_offline' | 'busy' {
    const stream = this.#own.open(agentId, open, handler);
    if (stream !== 'agent_offline') return stream;
    const others = this.#agents.get(agentId);
    if (others === undefined) return 'agent_offline';
    const detour = encodeDetour(agentId, open);
    this.#turn++;
    for (let i = 0; i < others.length; i++) {
      const index = others[(this.#turn + i) % others.length] ?? 0;
      const through = this.#links.get(index)?.open(detour, handler);
      if (through === undefined || typeof through === 'string') continue;
      this.detours++;
      return through;
    }
    return 'agent_offline';
  }

  roundTrip(agentId: string): number {
    return this.#own.roundTrip(agentId);
  }

  shortestRoundTrip(agentId: string): number {
    return this.#own.shortestRoundTrip(agentId);
  }

  /** Waits until no stream of a neighbour's passes through this worker any more, at most `deadline` ms. */
  async drain(deadline: number): Promise<void> {
    if (this.#passing === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimeout(resolve, deadline);
      this.#onQuiet = () => {
        cancel();
        resolve();
      };
    });
  }

  close(): void {
    this.#server?.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    for (const tunnel of [...this.#incoming]) tunnel.close(GO_AWAY.SHUTDOWN, 'the worker ends');
  }

  #accept(socket: Socket): void {
    const { clock, logger } = this.#options;
    const tunnel = createTunnel({
      socket,
      role: 'agent',
      clock,
      logger,
      maxStreams: MAX_STREAMS,
      onOpen: (stream, payload) => this.#passOn(stream, payload),
      onClose: () => this.#incoming.delete(tunnel),
    });
    this.#incoming.add(tunnel);
  }

  /** A neighbour's visitor wants an agent that has a link to this worker. Never on to a third one. */
  #passOn(stream: AgentStream, payload: Uint8Array): StreamHandler {
    const detour = decodeDetour(payload);
    this.#passing++;
    const through = new Through(stream, () => {
      if (--this.#passing === 0) this.#onQuiet?.();
    });
    if (detour === undefined) {
      through.refuse(RESET.LIMIT, 'not a detour');
      return through;
    }
    const onward = this.#own.open(detour.agentId, detour.open, through.onward);
    if (typeof onward === 'string') through.refuse(onward === 'busy' ? RESET.LIMIT : RESET.GOING_AWAY, onward);
    else through.join(onward);
    return through;
  }
}

const nobody: StreamOpener = { open: () => 'agent_offline', roundTrip: () => 0, shortestRoundTrip: () => 0 };

/** The link to one neighbour: dialled at once, and again while the neighbour is there. */
class Link {
  readonly path: string;
  readonly #options: NeighboursOptions;
  #tunnel: Tunnel | undefined;
  #socket: Socket | undefined;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(path: string, options: NeighboursOptions) {
    this.path = path;
    this.#options = options;
    this.#dial();
  }

  open(payload: Uint8Array, handler: StreamHandler): ReturnType<Tunnel['open']> | undefined {
    return this.#tunnel?.open(payload, handler);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    if (this.#tunnel === undefined) this.#socket?.destroy();
    else this.#tunnel.close(GO_AWAY.SHUTDOWN, 'the neighbour is gone');
  }

  #dial(): void {
    const { clock, logger } = this.#options;
    const socket = socketConnect({ path: this.path, allowHalfOpen: true });
    this.#socket = socket;
    const onFailed = (): void => this.#redial();
    socket.once('error', onFailed);
    socket.once('connect', () => {
      socket.off('error', onFailed);
      if (this.#closed) {
        socket.destroy();
        return;
      }
      this.#tunnel = createTunnel({
        socket,
        role: 'edge',
        clock,
        logger,
        maxStreams: MAX_STREAMS,
        onClose: () => {
          this.#tunnel = undefined;
          this.#redial();
        },
      });
    });
  }

  #redial(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.setTimeout(() => this.#dial(), REDIAL);
  }
}
