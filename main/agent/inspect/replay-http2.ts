import { connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ComposedReplay } from './replay.ts';
import type { StreamTap } from './stream-tap.ts';

const OPTIONS = {
  settings: { enablePush: false },
  /** Megabytes that node:http2 may hold for one replay. */
  maxSessionMemory: 8,
  // The visitor may have repeated such fields, too.
  strictSingleValueFields: false,
} as const;

/** A socket, with what is written to it shown to a tap as well. */
class TappedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #tap: StreamTap;

  constructor(socket: Socket, tap: StreamTap) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#tap = tap;
    socket.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#tap.fromVisitor(bytes, 0, bytes.length);
    this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/**
 * Sends the request over HTTP/2, and ends the connection when the answer is over. What comes is the tap's to read. False
 * when the request is unfit to be sent so: nothing was.
 */
export function sendHttp2(replay: ComposedReplay, socket: Socket, tap: StreamTap): boolean {
  const scheme = replay.target.tls ? 'https' : 'http';
  const createConnection = (): Duplex => new TappedSocket(socket, tap);
  const session = connect(`${scheme}://origin`, { ...OPTIONS, createConnection });
  // What goes wrong shows in the exchange: it is cut off.
  session.on('error', () => undefined);
  try {
    const stream = session.request(fieldsOf(replay, scheme), { endStream: replay.body.length === 0 });
    stream.on('error', () => undefined);
    stream.once('close', () => session.close());
    stream.resume();
    if (replay.body.length > 0) stream.end(replay.body);
    return true;
  } catch {
    // Which fields these are depends on the version of Node.
    session.destroy();
    return false;
  }
}

/** The fields as node:http2 takes them; repeated ones become one with several values. */
function fieldsOf({ method, path, headers, body }: ComposedReplay, scheme: string): OutgoingHttpHeaders {
  const fields = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase();
    fields.set(key, [...(fields.get(key) ?? []), value]);
  }
  const [authority = 'localhost'] = fields.get(':authority') ?? [];
  return {
    ...Object.fromEntries(fields),
    ':method': method,
    ':scheme': scheme,
    ':authority': authority,
    ':path': path,
    // The one value that HTTP/2 has for it (RFC 9113 section 8.2.2), without which gRPC refuses.
    te: 'trailers',
    ...(body.length > 0 ? { 'content-length': String(body.length) } : {}),
  };
}
