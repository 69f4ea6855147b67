/**
 * Where does a request end? The codec and a naive reading of the grammar, written another way, must say the same of
 * every message that the codec takes; and what it forwards must be read the same by node:http.
 */
import { describe, expect, it } from 'vitest';
import { BodyReader, FRAMING } from '../../../edge/proxy/framing.ts';
import { findHeadEnd } from '../../../edge/proxy/head-buffer.ts';
import { parseRequestHead } from '../../../edge/proxy/request-head.ts';
import { seededRandom } from '../../support/random.ts';

interface Reading {
  readonly end: number;
  readonly bytes: number;
}

/** The codec's reading: the end of the first request of `text` and its body's bytes; a word when it is refused. */
function codec(text: string, piece: number): Reading | 'refused' | 'more' {
  const bytes = Buffer.from(text, 'latin1');
  const headEnd = findHeadEnd(bytes, 0, bytes.length, 0);
  if (headEnd === 'more') return 'more';
  if (typeof headEnd === 'string') return 'refused';
  const head = parseRequestHead(bytes.toString('latin1', 0, headEnd - 2));
  if (typeof head === 'string') return 'refused';
  const body = new BodyReader(head.chunked ? FRAMING.CHUNKED : FRAMING.LENGTH, head.length);
  let at = headEnd;
  while (at < bytes.length && !body.done && !body.failed) at = body.scan(bytes, at, Math.min(bytes.length, at + piece));
  if (body.failed) return 'refused';
  return body.done ? { end: at, bytes: body.dataBytes } : 'more';
}

/** A naive reading: split at the empty line, collect fields in a map, decode by hand. Knows nothing of refusals. */
function naive(text: string): Reading | 'odd' | 'more' {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  if (rest.length === 0) return 'more';
  const start = head.length + 4;
  const fields = new Map<string, string[]>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 1 || /[\s\x00]/.test(line.slice(0, colon)) || /[\r\n\x00]/.test(line)) return 'odd';
    const name = line.slice(0, colon).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]);
  }
  const coding = fields.get('transfer-encoding');
  const length = fields.get('content-length');
  if (coding === undefined) {
    if (length === undefined) return { end: start, bytes: 0 };
    if (length.length !== 1 || !/^\d+$/.test(length[0] ?? '')) return 'odd';
    const bytes = Number(length[0]);
    return start + bytes > text.length ? 'more' : { end: start + bytes, bytes };
  }
  if (length !== undefined || coding.length !== 1 || coding[0]?.toLowerCase() !== 'chunked') return 'odd';
  let at = start;
  let bytes = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return 'more';
    const size = /^([0-9a-f]+)(?:;[^\r\n]*)?$/i.exec(text.slice(at, lineEnd))?.[1];
    if (size === undefined) return 'odd';
    at = lineEnd + 2;
    const count = Number.parseInt(size, 16);
    if (count === 0) break;
    if (at + count + 2 > text.length) return 'more';
    if (text.slice(at + count, at + count + 2) !== '\r\n') return 'odd';
    bytes += count;
    at += count + 2;
  }
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return 'more';
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { end: at, bytes };
    if (!/^[^\s:]+:[^\r\n]*$/.test(line)) return 'odd';
  }
}

const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const SEEDS = [
  `GET / HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`,
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${NEXT}`,
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${NEXT}`,
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\n${NEXT}`,
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`,
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nabcd${NEXT}`,
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${NEXT}`,
];

describe('the end of a request', () => {
  it.each(SEEDS.slice(0, 4))('is where the grammar puts it: %j', (text) => {
    expect(codec(text, text.length)).toEqual(naive(text));
    expect(text.slice(Number(Object(codec(text, 1)).end))).toBe(NEXT);
  });

  it.each(SEEDS.slice(4))('is not guessed: %j', (text) => {
    expect(codec(text, text.length)).toBe('refused');
  });

  it('is agreed on, or the request is refused, under 60,000 random changes', () => {
    const random = seededRandom(6265);
    const pick = (n: number): number => Math.floor(random() * n);
    const pieces = [
      ...'\r\n\t \x00\x0b\x0c\x7f\x85\xa0:;,+-0159aAfF"x',
      '\r\n',
      '\n',
      '\r',
      '\r\n ',
      'Content-Length: 3\r\n',
      'content-length:0\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding:\tchunked\r\n',
      'Transfer-Encoding : chunked\r\n',
      'Transfer_Encoding: chunked\r\n',
      'X: Transfer-Encoding: chunked\r\n',
      'chunked, ',
      '0\r\n\r\n',
      '1\r\nZ\r\n',
    ];
    const seen = { agreed: 0, refused: 0, more: 0 };
    for (let round = 0; round < 60_000; round++) {
      let text = SEEDS[pick(SEEDS.length)] ?? '';
      for (let change = 1 + pick(3); change > 0; change--) {
        const at = pick(text.length);
        const insert = pick(4) === 0 ? '' : (pieces[pick(pieces.length)] ?? '');
        text = text.slice(0, at) + insert + text.slice(at + pick(4));
      }
      const reading = codec(text, 1 + pick(9));
      if (reading === 'refused') seen.refused++;
      else if (reading === 'more') seen.more++;
      else {
        seen.agreed++;
        expect({ text, reading }).toEqual({ text, reading: naive(text) });
      }
    }
    expect(seen.agreed).toBeGreaterThan(5000);
    expect(seen.refused).toBeGreaterThan(5000);
  });
});
