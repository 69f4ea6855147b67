import { INITIAL_WINDOW } from './frame.ts';
import type { ReceiveWindow } from './window.ts';

/** One stream as the protocol sees it. */
export interface SessionStream<S> {
  readonly id: number;
  readonly owner: S;
  /** Bytes that may still be sent. */
  readonly credit: number;
  /** This side has sent FIN. */
  readonly ended: boolean;
  /** Neither side may use it any more. */
  readonly closed: boolean;
}

/** The same as the session keeps it. */
export class StreamState<S> implements SessionStream<S> {
  readonly id: number;
  readonly window: ReceiveWindow;
  #owner: S | undefined;
  credit = INITIAL_WINDOW;
  /** The agent has reported its dial. */
  opened = false;
  ended = false;
  peerEnded = false;
  closed = false;
  /** This side, and the peer, have sent MOVE: what follows is on another carrier. */
  moved = false;
  peerMoved = false;

  constructor(id: number, window: ReceiveWindow) {
    this.id = id;
    this.window = window;
  }

  get owner(): S {
    if (this.#owner === undefined) throw new Error('stream without owner');
    return this.#owner;
  }

  /** The stream is only just being opened. */
  get orphan(): boolean {
    return this.#owner === undefined;
  }

  adopt(owner: S): void {
    this.#owner = owner;
  }
}
