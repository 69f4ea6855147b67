import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { dialName } from '../../shared/domain/hostname.ts';
import { DatagramQueue } from '../../shared/node/datagram-queue.ts';
import type { StreamHandler } from '../../shared/node/stream.ts';
import type { AgentStream } from '../../shared/node/tunnel-stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import { DatagramReader } from '../../shared/wire/datagram.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';
import type { AllowList } from './allow-list.ts';
import { errorCode } from './dial-error.ts';
import { originRefusal } from './origin.ts';

/** Sockets to UDP origins at once. */
export const DATAGRAM_SOCKETS = 4096;
/** Datagrams that wait for the look-up of a name. */
const MOST_EARLY = 64;
/** Bytes that the system hasn't sent yet, from where datagrams are dropped. */
const MOST_UNSENT = 1024 * 1024;
const BUFFER = 1024 * 1024;

/** Serves streams of datagrams: the ones that the edge opens for visitors of UDP services. */
export interface DatagramOrigin {
  /** Takes over `stream`; `target` says where its datagrams go. */
  serve(stream: AgentStream, target: OpenRequest): StreamHandler;
  /** Sockets open now. */
  readonly open: number;
}

/**
 * A server of datagram streams that asks `allowed` first, and cuts what leads to a target that is not allowed any more.
 * `signal` ends its interest in changes of the list.
 */
export function createDatagramOrigin(
  allowed: Pick<AllowList, 'isAllowed' | 'onChange'>,
  signal: AbortSignal,
): DatagramOrigin {
  const sessions = new Set<DatagramSession>();
  const stop = allowed.onChange(() => {
    for (const session of sessions) if (!allowed.isAllowed(session.target)) session.refuse(RESET.NOT_ALLOWED, NO);
  });
  signal.addEventListener('abort', stop, { once: true });
  return {
    get open() {
      return sessions.size;
    },
    serve(stream, target) {
      const session = new DatagramSession(stream, target, () => sessions.delete(session));
      if (!allowed.isAllowed(target)) session.refuse(RESET.NOT_ALLOWED, NO);
      else if (sessions.size >= DATAGRAM_SOCKETS) session.refuse(RESET.LIMIT, 'too many datagram sessions');
      else {
        sessions.add(session);
        void session.start();
      }
      return session;
    },
  };
}

const NO = 'the user has not allowed this service that target';
const LOOPBACK = ['127.0.0.1', '::1'];

/** One visitor's datagrams, with a socket of their own towards the origin: so the origin's answers find back. */
class DatagramSession implements StreamHandler {
  readonly target: OpenRequest;
  readonly #stream: AgentStream;
  readonly #queue: DatagramQueue;
  readonly #reader = new DatagramReader();
  readonly #onOver: () => void;
  readonly #startedAt = performance.now();
  #socket: Socket | undefined;
  /** Until the socket is connected. */
  #early: Uint8Array[] | undefined = [];
  /** Addresses that are left to try while nothing has answered. */
  #others: readonly string[] = [];
  #last: Uint8Array | undefined;
  #over = false;

  constructor(stream: AgentStream, target: OpenRequest, onOver: () => void) {
    this.#stream = stream;
    this.target = target;
    this.#queue = new DatagramQueue(stream);
    this.#onOver = onOver;
  }

  async start(): Promise<void> {
    const addresses = await this.#resolve();
    const [first, ...others] = addresses;
    if (this.#over) return;
    if (first === undefined) {
      this.refuse(RESET.UNRESOLVED, 'the name has no address');
      return;
    }
    this.#others = others;
    this.#connect(first);
  }

  refuse(code: ResetCode, reason: string): void {
    if (this.#over) return;
    this.#stream.reset(code, reason);
    this.#end();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#stream.consumed(end - start);
    if (this.#over) return;
    if (!this.#reader.push(buffer, start, end, (datagram) => this.#send(datagram)))
      this.refuse(RESET.BROKEN, 'the edge sent no datagrams');
  }

  onEnd(): void {
    this.#stream.end();
    this.#end();
  }

  onReset(): void {
    this.#end();
  }

  onWritable(): void {
    this.#queue.flush();
  }

  /** Type `agent` never leaves loopback: its host is not even looked at. */
  async #resolve(): Promise<readonly string[]> {
    if (this.target.type === 'agent') return LOOPBACK;
    const host = dialName(this.target.host);
    if (isIP(host) !== 0) return [host];
    try {
      return (await lookup(host, { all: true })).map((found) => found.address);
    } catch {
      return [];
    }
  }

  #connect(address: string): void {
    const socket = createSocket({ type: isIP(address) === 6 ? 'udp6' : 'udp4', recvBufferSize: BUFFER });
    this.#socket = socket;
    socket.on('error', (error) => this.#onError(socket, error));
    socket.on('message', (message) => {
      if (this.#over || this.#socket !== socket) return;
      this.#others = [];
      this.#last = undefined;
      this.#queue.send(message);
    });
    socket.connect(this.target.port, address, (error?: Error | null) => {
      if (this.#over || this.#socket !== socket) return;
      if (error !== undefined && error !== null) {
        this.#onError(socket, error);
        return;
      }
      const early = this.#early;
      this.#early = undefined;
      if (early !== undefined) this.#stream.opened(Math.round((performance.now() - this.#startedAt) * 1000));
      for (const datagram of early ?? (this.#last === undefined ? [] : [this.#last])) this.#send(datagram);
    });
  }

  #send(datagram: Uint8Array): void {
    if (this.#early !== undefined) {
      this.#early.push(datagram);
      if (this.#early.length > MOST_EARLY) this.#early.shift();
      return;
    }
    const socket = this.#socket;
    if (socket === undefined || socket.getSendQueueSize() > MOST_UNSENT) return;
    if (this.#others.length > 0) this.#last = datagram;
    socket.send(datagram, (error) => {
      if (error !== null && error !== undefined) this.#onError(socket, error);
    });
  }

  /**
   * Nobody listens at this address (the system was told so by ICMP): the next one is tried with the last datagram, as
   * long as nothing has ever answered. A datagram that is too long for the way is lost like any other.
   */
  #onError(socket: Socket, error: Error): void {
    if (this.#over || this.#socket !== socket) return;
    const code = errorCode(error);
    if (code === 'EMSGSIZE') return;
    const [next, ...others] = this.#others;
    if (next === undefined) {
      const refusal = originRefusal(code);
      this.refuse(refusal.code, refusal.reason);
      return;
    }
    this.#others = others;
    socket.close();
    this.#connect(next);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#early = undefined;
    this.#socket?.close();
    this.#onOver();
  }
}
