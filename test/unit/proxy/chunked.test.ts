import { describe, expect, it } from 'vitest';
import { ChunkScanner } from '../../../edge/proxy/chunked.ts';
import { seededRandom } from '../../support/random.ts';

interface Outcome {
  readonly result: 'done' | 'failed' | 'more';
  /** What was passed on as it came, with the cleaned trailers behind it. */
  readonly passed: string;
  readonly data: string;
  /** Bytes that belong to the body. */
  readonly length: number;
}

/** Feeds `text` in pieces of the given sizes, the last one repeated. */
function scan(text: string, sizes: readonly number[] = [text.length || 1]): Outcome {
  const bytes = Buffer.from(text, 'latin1');
  let data = '';
  const scanner = new ChunkScanner((buffer, start, end) => {
    data += buffer.toString('latin1', start, end);
  });
  let passed = '';
  let at = 0;
  for (let i = 0; at < bytes.length && !scanner.done && !scanner.failed; i++) {
    const end = Math.min(bytes.length, at + (sizes[i] ?? sizes.at(-1) ?? 1));
    const stop = scanner.scan(bytes, at, end);
    passed += bytes.toString('latin1', at, scanner.passEnd);
    at = stop;
  }
  if (scanner.done && scanner.heldTrailers) passed += `${scanner.trailers}\r\n`;
  if (scanner.failed) return { result: 'failed', passed: '', data: '', length: 0 };
  expect(scanner.dataBytes).toBe(data.length);
  return { result: scanner.done ? 'done' : 'more', passed, data, length: at };
}

/** A size and its extensions: `;name`, `;name=token`, `;name="quoted"`. */
const SIZE_LINE =
  /^([0-9A-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*\r\n/;

/** The same by the book, for whole messages only: the grammar of RFC 9112 section 7.1 as one expression. */
function oracle(text: string): Outcome {
  let at = 0;
  let data = '';
  for (;;) {
    const line = SIZE_LINE.exec(text.slice(at));
    if (line?.[1] === undefined) return { result: 'failed', passed: '', data: '', length: 0 };
    at += line[0].length;
    const size = Number.parseInt(line[1], 16);
    if (size === 0) break;
    data += text.slice(at, at + size);
    if (text.slice(at + size, at + size + 2) !== '\r\n') return { result: 'failed', passed: '', data: '', length: 0 };
    at += size + 2;
  }
  const rest = text.slice(at);
  const trailers = /^((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/.exec(rest);
  if (trailers === null) return { result: 'failed', passed: '', data: '', length: 0 };
  const length = at + trailers[0].length;
  return { result: 'done', passed: text.slice(0, length), data, length };
}

const MESSAGES = [
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n',
  '00005\r\nhello\r\n000\r\n\r\n',
  'A;name=value;q="x y"\r\n0123456789\r\n0;last\r\n\r\n',
  '1;a;b="";c="x;\\"y"\r\nz\r\n0\r\n\r\n',
  'a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n',
  '3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n',
];

describe('a chunked body', () => {
  it.each(MESSAGES)('%j ends where the grammar says, whatever follows', (message) => {
    const expected = oracle(message);
    expect(expected.length).toBe(message.length);
    expect(scan(`${message}GET / HTTP/1.1\r\n`)).toEqual(expected);
  });

  it.each(MESSAGES)('%j reads the same at every split point and byte by byte', (message) => {
    const whole = scan(message);
    for (let at = 1; at < message.length; at++) expect(scan(message, [at, message.length])).toEqual(whole);
    expect(scan(message, [1])).toEqual(whole);
    expect(scan(message.slice(0, -1)).result).toBe('more');
  });

  it.each([
    ['a size with a sign', '+5\r\nhello\r\n'],
    ['a size with a prefix', '0x5\r\nhello\r\n'],
    ['a space after the size', '5 \r\nhello\r\n'],
    ['a space before the size', ' 5\r\nhello\r\n'],
    ['a space before the extension', '5 ;a\r\nhello\r\n'],
    ['no size', '\r\nhello'],
    ['an extension without size', ';a\r\n'],
    ['a size that overflows 32 bits', '100000005\r\nhello\r\n'],
    ['a size that overflows 64 bits', '10000000000000005\r\nhello\r\n'],
    ['a negative size by overflow', 'fffffffb\r\nhello\r\n'],
    ['too many leading zeros', '0000000000005\r\nhello\r\n'],
    ['a bare LF after the size', '5\nhello\r\n'],
    ['a bare CR after the size', '5\rXhello\r\n'],
    ['a bare LF in an extension', '5;a\nhello\r\n'],
    ['NUL in an extension', '5;\x00\r\nhello\r\n'],
    ['an extension without a name', '5;\r\nhello\r\n'],
    ['an extension that is only a value', '5;=a\r\nhello\r\n'],
    ['a second semicolon', '5;;a\r\nhello\r\n'],
    ['a semicolon at the end', '5;a;\r\nhello\r\n'],
    ['an extension without its value', '5;a=\r\nhello\r\n'],
    ['two values', '5;a=b=c\r\nhello\r\n'],
    ['a space in an extension', '5; a\r\nhello\r\n'],
    ['a tab behind an extension', '5;a=b\t\r\nhello\r\n'],
    ['an extension that is no token', '5;a=\xff\r\nhello\r\n'],
    ['a quote that stays open', '5;a="b\r\nhello\r\n'],
    ['a quote with a line end', '5;a="b\r\nc"\r\nhello\r\n'],
    ['text behind a quote', '5;a="b"c\r\nhello\r\n'],
    ['a quote in a value', '5;a=b"c"\r\nhello\r\n'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['no line end after the data', '5\r\nhelloX0\r\n\r\n'],
    ['a bare LF after the last chunk', '0\n\n'],
    ['a bare LF after a trailer', '0\r\nX-A: 1\n\r\n\r\n'],
    ['a folded trailer', '0\r\nX-A: 1\r\n more\r\n\r\n'],
    ['a trailer that is none', '0\r\nnonsense\r\n\r\n'],
    ['a space before a trailer colon', '0\r\nX-A : 1\r\n\r\n'],
    ['CR without LF at the end', '0\r\n\rX'],
  ])('is refused for %s', (_, text) => {
    expect(scan(text).result).toBe('failed');
    expect(scan(text, [1]).result).toBe('failed');
  });

  it('is refused for an extension without end', () => {
    expect(scan(`5;${'a'.repeat(256)}\r\nhello\r\n`).result).toBe('more');
    expect(scan(`5;${'a'.repeat(257)}\r\nhello\r\n`).result).toBe('failed');
    expect(scan(`1;${'a'.repeat(255)}\r\nx\r\n`.repeat(70)).result).toBe('failed');
  });

  it('is refused for trailers without end', () => {
    expect(scan(`0\r\nX: ${'a'.repeat(8 * 1024)}`).result).toBe('failed');
  });

  it('loses trailers that would frame, route or identify', () => {
    const bad =
      'Content-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: x\r\nX-Forwarded-For: 1\r\nX_Porthole_User: r\r\nTrue-Client-IP: 1\r\n';
    expect(scan(`0\r\n${bad}X-Sum: 1\r\nCookie: a\r\n\r\n`).passed).toBe('0\r\nX-Sum: 1\r\n\r\n');
  });

  it('agrees with the grammar or is refused, whatever is done to it', () => {
    const random = seededRandom(9112);
    const pick = (n: number) => Math.floor(random() * n);
    const alphabet = '0123456789abcdefABCDEF;\r\n\t \x00"=:xX-,\xff';
    let refused = 0;
    let agreed = 0;
    for (let round = 0; round < 30_000; round++) {
      let text = MESSAGES[pick(MESSAGES.length)] ?? '';
      for (let change = 1 + pick(3); change > 0; change--) {
        const at = pick(text.length + 1);
        const insert = pick(3) === 0 ? '' : (alphabet[pick(alphabet.length)] ?? '');
        text = text.slice(0, at) + insert + text.slice(at + pick(3));
      }
      const outcome = scan(text, [1 + pick(7), 1 + pick(7), 64]);
      if (outcome.result !== 'done') {
        refused++;
        continue;
      }
      agreed++;
      const expected = oracle(text);
      expect({ text, end: outcome.length, data: outcome.data }).toEqual({
        text,
        end: expected.length,
        data: expected.data,
      });
    }
    expect(refused).toBeGreaterThan(1000);
    expect(agreed).toBeGreaterThan(1000);
  });
});
