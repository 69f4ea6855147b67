import type { GoAwayCode, ResetCode } from '../../../shared/wire/codes.ts';
import { encodeFrame } from '../../../shared/wire/encode.ts';
import type { FloodLimits } from '../../../shared/wire/flood.ts';
import type { FrameType, Violation } from '../../../shared/wire/frame.ts';
import { type FrameOutput, Session, type SessionStream } from '../../../shared/wire/session.ts';

/** Frames as bytes, in the order they were made. */
class Outbox implements FrameOutput {
  frames: Uint8Array[] = [];

  empty(type: FrameType, stream: number): void {
    this.bytes(type, stream, new Uint8Array(), 0, 0);
  }

  word(type: FrameType, stream: number, value: number): void {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, value);
    this.bytes(type, stream, payload, 0, 4);
  }

  bytes(type: FrameType, stream: number, payload: Uint8Array, start: number, end: number): void {
    this.frames.push(encodeFrame(type, stream, payload.subarray(start, end)));
  }
}

/** What a stream of the recorded session has seen. */
export interface Seen {
  readonly stream: SessionStream<Seen>;
  readonly events: string[];
  received: number;
}

/** A session that writes down what happens to it. */
export class RecordedSession {
  readonly outbox = new Outbox();
  readonly events: string[] = [];
  readonly opened: Seen[] = [];
  readonly session: Session<Seen, Uint8Array, undefined>;
  now = 0;

  constructor(role: 'edge' | 'agent', limits: { maxStreams?: number; floodLimits?: FloodLimits } = {}) {
    const log = (seen: Seen, event: string): void => {
      seen.events.push(event);
      this.events.push(`${seen.stream.id} ${event}`);
    };
    this.session = new Session<Seen, Uint8Array, undefined>({
      role,
      output: this.outbox,
      monotonic: () => this.now,
      maxStreams: limits.maxStreams ?? 8,
      windowBudget: 1024 * 1024,
      ...(limits.floodLimits === undefined ? {} : { floodLimits: limits.floodLimits }),
      events: {
        onOpen: (stream, payload) => {
          this.events.push(`${stream.id} open ${Buffer.from(payload).toString('hex')}`);
          const seen = this.adopt(stream);
          this.opened.push(seen);
          return seen;
        },
        onOpened: (seen, micros) => log(seen, `opened ${micros}`),
        onData: (seen, _bytes, start, end) => {
          seen.received += end - start;
          log(seen, `data ${end - start}`);
        },
        onEnd: (seen) => log(seen, 'end'),
        onReset: (seen, code: ResetCode, reason) => log(seen, `reset ${code} ${reason}`),
        onCredit: (seen) => log(seen, 'credit'),
        onPong: (token) => this.events.push(`pong ${token}`),
        onGoAway: (code: GoAwayCode, reason) => this.events.push(`go-away ${code} ${reason}`),
        onContinue: (stream, carrier, from) => {
          this.events.push(`${stream.id} continues ${carrier}/${from}`);
          if (carrier === 66) return 'wrong';
          if (carrier === 99) return 'over';
          const seen = this.adopt(stream);
          this.opened.push(seen);
          return { owner: seen };
        },
        onMove: (seen) => log(seen, 'move'),
      },
    });
  }

  readonly adopt = (stream: SessionStream<Seen>): Seen => ({ stream, events: [], received: 0 });

  /** Opens a stream, edge side. */
  open(): Seen {
    const seen = this.session.open(Uint8Array.of(1), this.adopt);
    if (seen === undefined) throw new Error('no stream');
    return seen;
  }

  feed(bytes: Uint8Array): Violation | undefined {
    return this.session.receive(bytes, 0, bytes.length, undefined);
  }

  frame(type: number, stream: number, payload: readonly number[] = []): Violation | undefined {
    return this.feed(encodeFrame(type as FrameType, stream, Uint8Array.from(payload)));
  }

  /** Hands everything sent so far to `other`. */
  deliver(other: RecordedSession): Violation | undefined {
    const { frames } = this.outbox;
    this.outbox.frames = [];
    let violation: Violation | undefined;
    for (const frame of frames) violation = other.feed(frame);
    return violation;
  }
}
