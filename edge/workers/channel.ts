import type { Serializable } from 'node:child_process';
import { Socket } from 'node:net';
import { detach } from './detach.ts';
import type { FromWorker, PassedSocket, ToWorker } from './protocol.ts';

/** Connections on their way to one process at once. Each has a ClientHello and little more with it. */
const MOST_PASSING = 64;
/** Milliseconds until a connection that the other process doesn't take is given up. */
const PASS_TIMEOUT = 5_000;

/** What Node's two ends of a channel have in common: `process` in a child, the `ChildProcess` in its parent. */
interface End {
  readonly connected: boolean;
  send?(message: Serializable, handle: Socket | undefined, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
}

/** One end of the channel between the control process and a worker. Messages arrive in order, or the channel is gone. */
export class Channel<Out extends ToWorker | FromWorker, In extends ToWorker | FromWorker> {
  readonly #end: End;
  #passing = 0;

  /** `onSocket` gets passed connections, unread bytes put back; all else goes to `onMessage`. */
  constructor(
    end: End,
    onMessage: (message: Exclude<In, PassedSocket>) => void,
    onSocket: (socket: Socket, passed: PassedSocket) => void,
  ) {
    this.#end = end;
    end.on('message', (message, handle) => {
      // The other end is this very program (see WORKER_PROTOCOL).
      const known = message as PassedSocket | Exclude<In, PassedSocket>;
      if (known.type !== 'socket') onMessage(known);
      // A connection that broke on the way arrives without its handle.
      else if (handle instanceof Socket) onSocket(handle, known);
    });
  }

  /** Sends `message`; to a process that is gone it goes nowhere. */
  send(message: Out): void {
    if (this.#end.connected) this.#end.send?.(message, undefined, ignore);
  }

  /**
   * Passes `socket` on, with what was read of it; nobody here reads or writes it from now on. False when that is not
   * possible now: the socket is as it was.
   */
  pass(socket: Socket, to: PassedSocket['to'], source: PassedSocket['source']): boolean {
    if (!this.#end.connected || this.#passing >= MOST_PASSING) return false;
    const bytes = detach(socket);
    if (bytes === undefined) return false;
    this.#passing++;
    const over = (): void => {
      clearTimeout(timer);
      this.#passing--;
      // Its handle has left with the message. What is left here tells whoever counts it that it is gone.
      socket.destroy();
    };
    const timer = setTimeout(() => socket.destroy(), PASS_TIMEOUT);
    const passed: PassedSocket = { type: 'socket', to, bytes, source };
    this.#end.send?.(passed as Out, socket, over);
    return true;
  }
}

const ignore = (): void => {};
