/** Reads HTTP/1.1 messages (RFC 9112) off a copy of what passes, for showing only. Pure: bytes in, events out. */

/** Bytes of one head; a longer one ends the reading. */
export const HEAD_LIMIT = 64 * 1024;
/** Bytes of a chunk's size line, and of all lines of a trailer. */
const LINE_LIMIT = 16 * 1024;

export interface MessageHead {
  /** The three parts of the first line: method, target, version; or version, status, reason. */
  readonly first: readonly [string, string, string];
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface MessageEvents {
  /** A head is complete; says how its body is delimited, given what only the other direction knows. */
  onHead(head: MessageHead): BodyRule;
  onBody(buffer: Buffer, start: number, end: number): void;
  onMessageEnd(): void;
}

/** `framed`: as the headers say. `none`: there is no body. `tunnel`: no HTTP follows. */
export type BodyRule = 'framed' | 'none' | 'tunnel';

type State = 'head' | 'length' | 'close' | 'size' | 'chunk' | 'after-chunk' | 'trailer' | 'over';

/**
 * One direction of one connection. What it can't read ends the reading: `failed` is true then, and further bytes are
 * ignored. It keeps at most a head, and copies no body.
 */
export class MessageParser {
  readonly #kind: 'request' | 'response';
  readonly #events: MessageEvents;
  #state: State = 'head';
  /** The unfinished head or line. */
  #text = '';
  #left = 0;
  #trailerBytes = 0;
  failed = false;

  constructor(kind: 'request' | 'response', events: MessageEvents) {
    this.#kind = kind;
    this.#events = events;
  }

  /** Bytes of a message have come that is not whole yet. */
  get inside(): boolean {
    return this.#state !== 'over' && (this.#state !== 'head' || this.#text !== '');
  }

  push(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && this.#state !== 'over') at = this.#step(buffer, at, end);
  }

  /** The sender has ended its side: the end of a body that is delimited by nothing else (RFC 9112 section 6.3). */
  end(): void {
    if (this.#state === 'close') this.#finish();
    this.#state = 'over';
  }

  #step(buffer: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(buffer, at, end);
      case 'length':
      case 'chunk': {
        const to = Math.min(end, at + this.#left);
        this.#events.onBody(buffer, at, to);
        this.#left -= to - at;
        if (this.#left === 0) {
          if (this.#state === 'length') this.#finish();
          else this.#state = 'after-chunk';
        }
        return to;
      }
      case 'close':
        this.#events.onBody(buffer, at, end);
        return end;
      default:
        return this.#readLine(buffer, at, end);
    }
  }

  #readHead(buffer: Buffer, at: number, end: number): number {
    const before = this.#text.length;
    const text = this.#text + buffer.toString('latin1', at, Math.min(end, at + HEAD_LIMIT + 4 - before));
    // An empty line before a message is to be ignored (RFC 9112 section 2.2).
    const begin = /^(?:\r?\n)*/.exec(text)?.[0].length ?? 0;
    const close = endOfHead(text, begin);
    if (close === undefined) {
      this.#text = text;
      if (text.length > HEAD_LIMIT || !mayBegin(this.#kind, text.slice(begin, begin + 8))) this.#fail();
      return end;
    }
    this.#text = '';
    const head = parseHead(text.slice(begin, close.at));
    if (head === undefined || !isMessage(this.#kind, head)) this.#fail();
    else this.#begin(head);
    return at + close.at + close.length - before;
  }

  #begin(head: MessageHead): void {
    const rule = this.#events.onHead(head);
    if (rule === 'tunnel') {
      this.#events.onMessageEnd();
      this.#state = 'over';
      return;
    }
    if (rule === 'none') this.#finish();
    else this.#frame(head);
  }

  /** Finds out how long the body is (RFC 9112 section 6.3). */
  #frame(head: MessageHead): void {
    const codings = valuesOf(head, 'transfer-encoding').join(',').toLowerCase();
    if (codings !== '') {
      if (/(?:^|,)\s*chunked\s*$/.test(codings)) this.#state = 'size';
      else if (this.#kind === 'response') this.#state = 'close';
      else this.#fail();
      return;
    }
    const [length] = valuesOf(head, 'content-length');
    if (length === undefined) {
      if (this.#kind === 'response') this.#state = 'close';
      else this.#finish();
      return;
    }
    this.#left = /^\d{1,15}$/.test(length) ? Number(length) : -1;
    if (this.#left === -1) this.#fail();
    else if (this.#left === 0) this.#finish();
    else this.#state = 'length';
  }

  /** A chunk's size, the end of line after a chunk, or a line of the trailer (RFC 9112 section 7.1). */
  #readLine(buffer: Buffer, at: number, end: number): number {
    const feed = buffer.subarray(at, end).indexOf(10);
    const to = feed === -1 ? end : at + feed + 1;
    if (this.#text.length + to - at > LINE_LIMIT) {
      this.#fail();
      return end;
    }
    this.#text += buffer.toString('latin1', at, to);
    if (feed === -1) return to;
    const line = this.#text.replace(/\r?\n$/, '');
    this.#text = '';
    if (this.#state === 'after-chunk') {
      if (line === '') this.#state = 'size';
      else this.#fail();
    } else if (this.#state === 'size') this.#onSize(line);
    else if (line === '') this.#finish();
    else {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > LINE_LIMIT) this.#fail();
    }
    return to;
  }

  #onSize(line: string): void {
    const size = /^([0-9a-fA-F]{1,12})\s*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) {
      this.#fail();
      return;
    }
    this.#left = Number.parseInt(size, 16);
    this.#trailerBytes = 0;
    this.#state = this.#left === 0 ? 'trailer' : 'chunk';
  }

  #finish(): void {
    this.#state = 'head';
    this.#events.onMessageEnd();
  }

  #fail(): void {
    this.failed = true;
    this.#text = '';
    this.#state = 'over';
  }
}

function endOfHead(text: string, from: number): { readonly at: number; readonly length: number } | undefined {
  const strict = text.indexOf('\r\n\r\n', from);
  const bare = text.indexOf('\n\n', from);
  if (strict !== -1 && (bare === -1 || strict < bare)) return { at: strict, length: 4 };
  return bare === -1 ? undefined : { at: bare, length: 2 };
}

/** Whether `text`, at most the first eight characters, may begin a message: what is no HTTP is not gathered. */
const mayBegin = (kind: 'request' | 'response', text: string): boolean =>
  kind === 'response'
    ? 'HTTP/1.'.startsWith(text.slice(0, 7))
    : /^[!#$%&'*+\-.^_`|~0-9A-Za-z]* ?/.exec(text)?.[0] !== '';

function isMessage(kind: 'request' | 'response', { first: [a, b, c] }: MessageHead): boolean {
  if (kind === 'request') return /^HTTP\/1\.[01]$/.test(c) && b !== '' && a !== '';
  return /^HTTP\/1\.[01]$/.test(a) && /^\d{3}$/.test(b);
}

function parseHead(text: string): MessageHead | undefined {
  const [line = '', ...lines] = text.split(/\r?\n/);
  const parts = /^(\S+) (\S+)(?: (.*))?$/.exec(line);
  if (parts === null) return undefined;
  const headers: [string, string][] = [];
  for (const field of lines) {
    const colon = field.indexOf(':');
    if (colon < 1) return undefined;
    headers.push([field.slice(0, colon), field.slice(colon + 1).trim()]);
  }
  return { first: [parts[1] ?? '', parts[2] ?? '', parts[3] ?? ''], headers };
}

/** All values of the header `name` (lower case). */
export const valuesOf = ({ headers }: Pick<MessageHead, 'headers'>, name: string): string[] =>
  headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);
