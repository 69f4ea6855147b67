/** Visitors who speak HTTP/2: one as node:http2 makes it, one who writes frames by hand. */
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import tls from 'node:tls';

/** A session with the proxy at `port` of loopback. */
export async function h2Session(
  port: number,
  options: http2.SecureClientSessionOptions = {},
): Promise<ClientHttp2Session> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...options });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

export interface H2Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly text: string;
  readonly trailers: http2.IncomingHttpHeaders;
  /** The code of the stream's reset; 0 when it ended in order. */
  readonly code: number;
}

/** A request to `app.test` under way. */
export class H2Request {
  readonly stream: ClientHttp2Stream;
  /** Interim responses, as they came. */
  readonly interims: http2.IncomingHttpHeaders[] = [];
  readonly head: Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>;
  /** Resolves when the stream is closed, however it was. */
  readonly answer: Promise<H2Answer>;
  text = '';
  #changed: () => void = () => {};

  constructor(session: ClientHttp2Session, fields: OutgoingHttpHeaders = {}, endStream = true) {
    const all = { ':authority': 'app.test', ':scheme': 'https', ':path': '/', ...fields };
    const stream = session.request(all, { endStream });
    this.stream = stream;
    stream.setEncoding('latin1');
    stream.on('error', () => {});
    stream.on('headers', (headers) => this.interims.push(headers));
    this.head = new Promise((resolve) => stream.once('response', resolve));
    let headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.once('response', (head) => {
      headers = head;
    });
    stream.once('trailers', (last) => {
      trailers = last;
    });
    stream.on('data', (chunk: string) => {
      this.text += chunk;
      this.#changed();
    });
    this.answer = new Promise((resolve) => {
      stream.once('close', () =>
        resolve({ status: headers[':status'] ?? 0, headers, text: this.text, trailers, code: stream.rstCode ?? 0 }),
      );
    });
  }

  /** Resolves once the body received so far includes `part`. */
  untilIncludes(part: string): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (this.text.includes(part)) resolve();
      };
      this.#changed();
    });
  }
}

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** One frame (RFC 9113 section 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as literals without indexing and without Huffman codes (RFC 7541 section 6.2.2); lengths below 127. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]);
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

const fieldsOf = (method: string, more: readonly (readonly [string, string])[]): Buffer =>
  block([[':method', method], [':scheme', 'https'], [':path', '/'], [':authority', 'app.test'], ...more]);

/** The fields of a GET, with `more` after them. */
export const getFields = (...more: (readonly [string, string])[]): Buffer => fieldsOf('GET', more);

/** The same of a POST. */
export const postFields = (...more: (readonly [string, string])[]): Buffer => fieldsOf('POST', more);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A visitor who writes frames by hand. The preface and empty SETTINGS are sent; nothing is acknowledged. */
export class RawH2 {
  readonly socket: tls.TLSSocket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  #rest: Buffer = Buffer.alloc(0);
  readonly #watchers = new Set<() => void>();

  constructor(socket: tls.TLSSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) this.#next();
      for (const look of this.#watchers) look();
    });
  }

  #next(): void {
    const length = this.#rest.readUIntBE(0, 3);
    this.frames.push({
      type: this.#rest.readUInt8(3),
      flags: this.#rest.readUInt8(4),
      stream: this.#rest.readUInt32BE(5),
      payload: Buffer.from(this.#rest.subarray(9, 9 + length)),
    });
    this.#rest = this.#rest.subarray(9 + length);
  }

  /** `greet`: send the preface. */
  static async connect(port: number, greet = true, servername?: string): Promise<RawH2> {
    const name = servername === undefined ? {} : { servername };
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...name });
    await once(socket, 'secureConnect');
    const raw = new RawH2(socket);
    if (greet) raw.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.SETTINGS, 0, 0));
    return raw;
  }

  send(...bytes: Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** The first frame that `wanted` picks, past or to come; rejects when the connection ends without. */
  frame(wanted: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.frames.find(wanted);
        if (found === undefined) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
      void this.closed.then(() => reject(new Error(`closed after ${this.frames.map((f) => f.type).join(' ')}`)));
    });
  }

  /** The error code with which the connection was ended by a GOAWAY; -1 without one. Waits for its end. */
  async goneWith(): Promise<number> {
    await this.closed;
    return this.frames.findLast((f) => f.type === FRAME.GOAWAY)?.payload.readUInt32BE(4) ?? -1;
  }
}
