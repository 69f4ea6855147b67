import { huffmanText } from './huffman.ts';

/** A name and its value, as they were sent. */
export type Field = readonly [name: string, value: string];

/** Bytes of one field section, once it is unpacked, as RFC 9113 section 6.5.2 counts them; a longer one ends the reading. */
const SECTION_LIMIT = 256 * 1024;
/** What a table holds until its sender says otherwise, and what it may ask for, in bytes as RFC 7541 section 4.1 counts. */
const TABLE_FIRST = 4096;
const TABLE_MOST = 16 * 1024;
const OVERHEAD = 32;

/** RFC 7541 appendix A: `name` or `name=value`. */
const STATIC: readonly Field[] = (
  ':authority;:method=GET;:method=POST;:path=/;:path=/index.html;:scheme=http;:scheme=https;:status=200;:status=204;' +
  ':status=206;:status=304;:status=400;:status=404;:status=500;accept-charset;accept-encoding=gzip, deflate;' +
  'accept-language;accept-ranges;accept;access-control-allow-origin;age;allow;authorization;cache-control;' +
  'content-disposition;content-encoding;content-language;content-length;content-location;content-range;content-type;' +
  'cookie;date;etag;expect;expires;from;host;if-match;if-modified-since;if-none-match;if-range;if-unmodified-since;' +
  'last-modified;link;location;max-forwards;proxy-authenticate;proxy-authorization;range;referer;refresh;retry-after;' +
  'server;set-cookie;strict-transport-security;transfer-encoding;user-agent;vary;via;www-authenticate'
)
  .split(';')
  .map((entry) => {
    const [name = '', value = ''] = entry.split('=');
    return [name, value];
  });

const sizeOf = ([name, value]: Field): number => name.length + value.length + OVERHEAD;

/** Not HPACK, or more than is read along. */
class Unreadable extends Error {}

/**
 * Unpacks the field sections that one side of an HTTP/2 connection sends (RFC 7541). Every section has to be given to
 * it, in order, from the first one on. After one that it couldn't unpack it can't unpack any more.
 */
export class HpackDecoder {
  /** The oldest first. */
  readonly #table: Field[] = [];
  #size = 0;
  #most = TABLE_FIRST;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** The fields of `block`, in order; undefined where it is malformed or unpacks to more than 256 KiB. */
  decode(block: Buffer): readonly Field[] | undefined {
    this.#block = block;
    this.#at = 0;
    try {
      return this.#fields();
    } catch (error) {
      if (error instanceof Unreadable) return undefined;
      throw error;
    } finally {
      this.#block = Buffer.alloc(0);
    }
  }

  #fields(): readonly Field[] {
    const fields: Field[] = [];
    let size = 0;
    while (this.#at < this.#block.length) {
      const field = this.#next(fields.length === 0);
      if (field === undefined) continue;
      size += sizeOf(field);
      if (size > SECTION_LIMIT) throw new Unreadable();
      fields.push(field);
    }
    return fields;
  }

  /** One representation (RFC 7541 section 6); undefined where that is a change of the table's size. */
  #next(atStart: boolean): Field | undefined {
    const first = this.#block[this.#at] ?? 0;
    if (first >= 0x80) return this.#indexed(this.#integer(7));
    if (first >= 0x40) {
      const field = this.#literal(6);
      this.#add(field);
      return field;
    }
    if (first < 0x20) return this.#literal(4);
    const most = this.#integer(5);
    if (!atStart || most > TABLE_MOST) throw new Unreadable();
    this.#most = most;
    this.#evict();
    return undefined;
  }

  #literal(bits: number): Field {
    const index = this.#integer(bits);
    const name = index === 0 ? this.#string() : this.#indexed(index)[0];
    return [name, this.#string()];
  }

  #indexed(index: number): Field {
    const field = index <= STATIC.length ? STATIC[index - 1] : this.#table[this.#table.length + STATIC.length - index];
    if (field === undefined) throw new Unreadable();
    return field;
  }

  #add(field: Field): void {
    this.#table.push(field);
    this.#size += sizeOf(field);
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#most) {
      const oldest = this.#table.shift();
      if (oldest === undefined) break;
      this.#size -= sizeOf(oldest);
    }
  }

  /** A number whose first `bits` bits are the last of the next byte (RFC 7541 section 5.1). */
  #integer(bits: number): number {
    const full = 2 ** bits - 1;
    let value = this.#byte() & full;
    if (value < full) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Unreadable();
  }

  #string(): string {
    const packed = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length) throw new Unreadable();
    const text = packed ? huffmanText(this.#block, start, this.#at) : this.#block.toString('latin1', start, this.#at);
    if (text === undefined) throw new Unreadable();
    return text;
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new Unreadable();
    return byte;
  }
}
