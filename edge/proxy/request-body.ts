import { BodyReader, FRAMING } from './framing.ts';
import type { Origin } from './origin-stream.ts';
import type { RequestHead } from './request-head.ts';
import { trailersForTarget } from './target-head.ts';

/** The body of a request as it comes in HTTP/1.1: its framing is checked and passed on. */
export class RequestBody extends BodyReader {
  /** Names of trailers that the origin must not see; see `Forwarded`. */
  withheld: ReadonlySet<string> | undefined;

  constructor(head: RequestHead) {
    super(head.chunked ? FRAMING.CHUNKED : FRAMING.LENGTH, head.length);
  }

  /** Passes on `buffer[start, stop)`, which was just scanned. */
  pass(origin: Origin, buffer: Buffer, start: number, stop: number): void {
    const { chunks } = this;
    origin.write(buffer, start, chunks === undefined ? stop : chunks.passEnd);
    if (chunks?.done && chunks.heldTrailers)
      origin.writeText(`${trailersForTarget(chunks.trailers, origin.pool.target, this.withheld)}\r\n`);
  }

  /** What was announced to the origin ends here; `trailers` are clean lines, each with its CRLF. */
  finish(_origin: Origin, _trailers: string): void {}
}

/** The body of a request that is framed by its stream (HTTP/2): it goes on with a known length, or in chunks of ours. */
export class DataBody extends BodyReader implements Pick<RequestBody, 'pass' | 'finish'> {
  withheld: ReadonlySet<string> | undefined;

  constructor(head: RequestHead) {
    super(head.chunked ? FRAMING.CLOSE : FRAMING.LENGTH, head.length);
  }

  pass(origin: Origin, buffer: Buffer, start: number, stop: number): void {
    if (this.framing === FRAMING.LENGTH) {
      origin.write(buffer, start, stop);
      return;
    }
    if (start === stop) return;
    origin.writeText(`${(stop - start).toString(16)}\r\n`);
    origin.write(buffer, start, stop);
    origin.writeText('\r\n');
  }

  finish(origin: Origin, trailers: string): void {
    if (this.framing !== FRAMING.CLOSE) return;
    origin.writeText(`0\r\n${trailersForTarget(trailers, origin.pool.target, this.withheld)}\r\n`);
  }
}
