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
  /** Sides that send no more. */
  #ends = 0;
  #onOver: (() => void) | undefined;

  /** `onOver` is called once, when nothing more will pass. */
  constructor(from: AgentStream, onOver: () => void) {
    this.#from = from;
    this.#onOver = onOver;
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
    this.#ended();
  }

  onReset(code: ResetCode): void {
    this.#to?.reset(onWire(code));
    this.#over();
  }

  /** Breaks the neighbour's stream off: there is no agent's to join it with. */
  refuse(code: ResetCode, reason: string): void {
    this.#from.reset(code, reason);
    this.#over();
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
    onEnd: () => {
      this.#from.end();
      this.#ended();
    },
    onReset: (code, reason) => this.refuse(onWire(code), reason),
    onWritable: () => this.#settleFrom(),
  };

  #ended(): void {
    if (++this.#ends === 2) this.#over();
  }

  #over(): void {
    this.#to = undefined;
    const onOver = this.#onOver;
    this.#onOver = undefined;
    onOver?.();
  }

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
