import type { StreamHandler, TunnelStream } from '../../shared/node/stream.ts';
import type { AgentStream } from '../../shared/node/tunnel-stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';

/**
 * Two streams joined, back to back: what a neighbour asked for on one side, what an agent serves on the other.
 * Half-close and breaks travel on; credit is returned only for what the other side had room for, so back-pressure
 * does too. It is the handler of the neighbour's stream; `onward` is that of the agent's.
 */
export class Through implements StreamHandler {
  readonly #from: AgentStream;
  #to: TunnelStream | undefined;
  #toOwes = 0;
  #fromOwes = 0;

  constructor(from: AgentStream) {
    this.#from = from;
  }

  /** The agent's stream, opened with `onward` as its handler. */
  join(to: TunnelStream): void {
    this.#to = to;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const to = this.#to;
    if (to === undefined) return;
    to.write(buffer, start, end);
    this.#fromOwes += end - start;
    if (to.writable) this.#settleFrom();
  }

  onEnd(): void {
    this.#to?.end();
  }

  onReset(code: ResetCode): void {
    this.#to?.reset(onWire(code));
    this.#to = undefined;
  }

  onWritable(): void {
    this.#settleTo();
  }

  readonly onward: StreamHandler = {
    onOpened: (dialMicros) => this.#from.opened(dialMicros),
    onData: (buffer, start, end) => {
      this.#from.write(buffer, start, end);
      this.#toOwes += end - start;
      if (this.#from.writable) this.#settleTo();
    },
    onEnd: () => this.#from.end(),
    onReset: (code, reason) => {
      this.#to = undefined;
      this.#from.reset(onWire(code), reason);
    },
    onWritable: () => this.#settleFrom(),
  };

  #settleTo(): void {
    const owed = this.#toOwes;
    this.#toOwes = 0;
    this.#to?.consumed(owed);
  }

  #settleFrom(): void {
    const owed = this.#fromOwes;
    this.#fromOwes = 0;
    this.#from.consumed(owed);
  }
}

/** That a link is lost is never said on a link; that it goes away means the same to who hears it. */
const onWire = (code: ResetCode): ResetCode => (code === RESET.TUNNEL_LOST ? RESET.GOING_AWAY : code);
