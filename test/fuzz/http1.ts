/** Fuzz cases of the HTTP/1 codec, each with a reader that was written another way as its oracle. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { duplexPair } from 'node:stream';
import { ChunkScanner } from '../../edge/proxy/chunked.ts';
import { requestText } from '../../edge/proxy/forward-head.ts';
import { BodyReader, FRAMING } from '../../edge/proxy/framing.ts';
import { findHeadEnd } from '../../edge/proxy/head-buffer.ts';
import { KnownHeads } from '../../edge/proxy/known-heads.ts';
import { parseRequestHead, type RequestHead } from '../../edge/proxy/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../edge/proxy/response-head.ts';
import { ResponseHeads } from '../../edge/proxy/response-heads.ts';
import { framingOf } from '../../edge/proxy/response-relay.ts';
import { filled, pieces } from '../differential/corpus.ts';
import { REQUEST_CASES } from '../differential/request-corpus.ts';
import { RESPONSE_CASES } from '../differential/response-corpus.ts';
import { strictAnswers } from '../differential/response-reading.ts';
import type { Chance } from './chance.ts';
import type { FuzzCase } from './fuzz.ts';

const fill = (text: string): string => filled(text, 'fuzz00', 'fuzzing.localhost');
const SPLICES = [
  ...'\r\n\t \x00\x0b\x0c\x7f\x85\xa0:;,+-0159aAfF"x=\\\xff',
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n ',
    '\r\n\r\n',
    '0\r\n\r\n',
    '1\r\nZ\r\n',
    'chunked',
    'Connection: close\r\n',
    '100-continue',
    'HTTP/1.1 ',
  ],
  ...['coding-lines', 'length-lines', 'field-lines', 'trailers'].flatMap((name) =>
    pieces(name).map((line) => `${line}\r\n`),
  ),
].map(fill);
const REQUESTS = REQUEST_CASES.map(({ text }) => fill(text));
const VALID_REQUESTS = REQUEST_CASES.filter(({ valid }) => valid === true).map(({ text }) => fill(text));
const NEXT = 'GET /next HTTP/1.1\r\nHost: fuzzing.localhost\r\n\r\n';

interface Request {
  readonly head: RequestHead;
  /** The body's data. */
  readonly data: string;
  /** As it goes on to the origin. */
  readonly forwarded: string;
  readonly end: number;
}

/** Shared by all inputs, as by all visitors: what one of them sends must not change how another one is read. */
const knownRequests = new KnownHeads<RequestHead, string>((text) => parseRequestHead(text));
const knownResponses = new KnownHeads<ResponseHead, undefined>(parseResponseHead);

/** The first request of `bytes`, its body read in the pieces that `cuts` makes of it. */
function readRequest(bytes: Buffer, cuts: readonly number[]): Request | 'refused' | 'more' {
  const start = bytes[0] === 0x0d && bytes[1] === 0x0a ? 2 : 0;
  const headEnd = findHeadEnd(bytes, start, bytes.length, start, 64 * 1024);
  if (headEnd === 'more') return 'more';
  if (typeof headEnd === 'string') return 'refused';
  const read = parseRequestHead(bytes.toString('latin1', start, headEnd - 2));
  if (typeof read === 'string') return 'refused';
  let head = read;
  // Read, kept and recognised.
  for (let time = 0; time < 3; time++) {
    const known = knownRequests.read(bytes, start, headEnd - 2);
    assert.deepEqual({ ...Object(known), recurs: false }, read, 'a head that was remembered');
    if (typeof known !== 'string') head = known;
  }
  let data = '';
  let passed = '';
  const sink = (buffer: Buffer, from: number, to: number): void => {
    data += buffer.toString('latin1', from, to);
  };
  const body = new BodyReader(head.chunked ? FRAMING.CHUNKED : FRAMING.LENGTH, head.length, sink);
  let at = headEnd;
  for (const cut of [...cuts.filter((c) => c > headEnd), bytes.length]) {
    if (body.done || body.failed) break;
    const stop = body.scan(bytes, at, cut);
    passed += bytes.toString('latin1', at, body.chunks === undefined ? stop : body.chunks.passEnd);
    if (body.chunks === undefined) data += bytes.toString('latin1', at, stop);
    at = stop;
  }
  if (body.failed) return 'refused';
  if (!body.done) return 'more';
  if (body.chunks?.heldTrailers === true) passed += `${body.chunks.trailers}\r\n`;
  return { head: read, data, forwarded: `${requestText(head, 'origin', '', 'id')}${passed}`, end: at };
}

/** The same split in another way reads the same. */
const requestSplits: FuzzCase = {
  name: 'request-splits',
  run(chance) {
    const bytes = Buffer.from(
      chance.mutated(chance.pick(chance.oneIn(3) ? REQUESTS : VALID_REQUESTS), SPLICES) + NEXT,
      'latin1',
    );
    const whole = readRequest(bytes, []);
    assert.deepEqual(readRequest(bytes, chance.cuts(bytes.length)), whole);
    for (let length = 0; typeof whole === 'object' && length < whole.end; length++)
      assert.equal(readRequest(bytes.subarray(0, length), []), 'more', `cut after ${length}`);
    return typeof whole === 'object' ? 'taken' : whole;
  },
};

/** What goes on to the origin is what Node's parser makes of it: one request with the same body, and nothing else. */
const requestNode: FuzzCase = {
  name: 'request-node',
  async run(chance) {
    const bytes = Buffer.from(chance.mutated(chance.pick(VALID_REQUESTS), SPLICES, 2) + NEXT, 'latin1');
    const request = readRequest(bytes, []);
    if (typeof request === 'string') return request;
    const asked = await nodeReads(
      `${request.forwarded}GET /after HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n`,
    );
    // Node knows fewer methods than there are tokens; it then refuses.
    if (asked === undefined) return 'refused by Node';
    // What comes with a request to upgrade Node throws away; we send nothing before it has answered.
    if (request.head.upgrade !== '') return 'an upgrade';
    assert.deepEqual(asked, [
      { method: request.head.method, target: request.head.target, body: request.data },
      { method: 'GET', target: '/after', body: '' },
    ]);
    return 'taken';
  },
};

interface Asked {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly body: string;
}

/** The requests that Node's server finds in `text`; `undefined` when it refuses something. */
function nodeReads(text: string): Promise<readonly Asked[] | undefined> {
  return new Promise((resolve) => {
    const asked: Asked[] = [];
    const [client, end] = duplexPair();
    const server = http.createServer((request, response) => {
      let body = '';
      request.setEncoding('latin1');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        asked.push({ method: request.method, target: request.url, body });
        response.end();
      });
    });
    server.on('clientError', () => {
      resolve(undefined);
      client.destroy();
      end.destroy();
    });
    server.on('checkExpectation', (_request, response) => response.writeHead(417).end());
    client.on('data', () => {});
    client.on('error', () => {});
    client.on('end', () => resolve(asked));
    client.on('close', () => resolve(asked));
    server.emit('connection', end);
    client.end(Buffer.from(text, 'latin1'));
  });
}

/** The codec's reading of what an origin sent to a GET, then the end of its connection. */
function readResponse(
  bytes: Buffer,
  cuts: readonly number[],
  method: string,
): { status: number; body: string; end: number } | string {
  const heads = new ResponseHeads(knownResponses);
  let at = 0;
  let found: { readonly status: number; readonly reader: BodyReader; end: number; body: string } | undefined;
  for (const cut of [...cuts.filter((c) => c > 0), bytes.length]) {
    if (cut === at && found !== undefined) continue;
    let from = at;
    let read = bytes;
    let to = cut;
    at = cut;
    if (found === undefined) {
      heads.add(bytes, from, cut);
      let head = heads.next();
      while (typeof head === 'object' && head.status < 200 && head.status !== 101) head = heads.next();
      if (head === 'bad') return 'refused';
      if (head === 'more') continue;
      if (head.status === 101) return 'refused';
      let body = '';
      const reader = new BodyReader(framingOf(head, method), head.length, (buffer, a, b) => {
        body += buffer.toString('latin1', a, b);
        if (found !== undefined) found.body = body;
      });
      found = { status: head.status, reader, end: 0, body };
      [read, from, to] = [heads.buffer, heads.at, heads.end];
      found.end = at - (to - from);
    }
    if (found.reader.done) break;
    const stop = found.reader.scan(read, from, to);
    if (found.reader.chunks === undefined) found.body += read.toString('latin1', from, stop);
    found.end = at - (to - stop);
    if (found.reader.failed) return 'refused';
  }
  if (found === undefined) return 'more';
  if (!found.reader.done && !found.reader.close()) return 'cut';
  return { status: found.status, body: found.body, end: found.end };
}

const RESPONSES = RESPONSE_CASES.map(({ parts }) => fill(parts.join('')));
const VALID_RESPONSES = RESPONSE_CASES.filter(({ valid }) => valid !== undefined).map(({ parts }) =>
  fill(parts.join('')),
);

/** A response reads the same however it is split, and a strict reader of the grammar agrees with what is taken. */
const response: FuzzCase = {
  name: 'response',
  run(chance) {
    const text = chance.mutated(chance.pick(chance.oneIn(3) ? RESPONSES : VALID_RESPONSES), SPLICES);
    const method = chance.oneIn(4) ? 'HEAD' : 'GET';
    const bytes = Buffer.from(text, 'latin1');
    const whole = readResponse(bytes, [], method);
    assert.deepEqual(readResponse(bytes, chance.cuts(bytes.length), method), whole);
    if (typeof whole === 'string') return whole;
    const [answer] = strictAnswers(plainFraming(text.slice(0, whole.end)), [method], true);
    assert.equal(answer?.whole, true);
    assert.equal(answer?.status, whole.status);
    assert.equal(answer?.body, whole.body);
    return 'taken';
  },
};

/** As we write framing: digits without zeros in front, `chunked` in small letters, none where there is no body. */
const plainFraming = (text: string): string => {
  const end = text.indexOf('\r\n\r\n', text.search(/HTTP\/1\.[01] (?!1)/));
  const none = /HTTP\/1\.[01] 204/.test(text.slice(0, end));
  const head = text
    .slice(0, end)
    .replace(/^content-length:[ \t]*0*([0-9]+)[ \t]*$/gim, none ? 'X: y' : 'Content-Length: $1')
    .replace(/^transfer-encoding:[ \t]*chunked[ \t]*$/gim, none ? 'X: y' : 'Transfer-Encoding: chunked')
    // Interim responses lose theirs.
    .replace(/(HTTP\/1\.[01] 1[0-9]{2}(?:(?!HTTP\/1\.[01] [2-5])[\s\S])*)/, (interim) =>
      interim.replace(/^(?:content-length|transfer-encoding):.*$/gim, 'X: y'),
    );
  return head + text.slice(end);
};

const CHUNK_PIECES = [...'0123abcdefABC;="\\ \t', '1\r\nx\r\n', ';a', ';a="b"', 'X: y\r\n', '\r\n'];
const GOOD_CHUNKS = [
  '5;a=b;c="d \\" e"\r\nhello\r\n0\r\nX: y\r\n\r\n',
  '1\r\na\r\n1\r\nb\r\n0\r\n\r\n',
  'A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n',
  '0;x\r\n\r\n',
];
const CHUNKS = pieces('chunks').map(fill);

/** A chunked body is cut and mixed; every way to split it into two comes to the same. */
const chunked: FuzzCase = {
  name: 'chunked',
  run(chance) {
    const bytes = Buffer.from(
      chance.mutated(chance.pick(chance.oneIn(3) ? CHUNKS : GOOD_CHUNKS), chance.oneIn(2) ? CHUNK_PIECES : SPLICES, 2),
      'latin1',
    );
    const whole = scan(bytes, [bytes.length]);
    for (let at = 1; at < bytes.length; at++)
      assert.deepEqual(scan(bytes, [at, bytes.length]), whole, `split at ${at}`);
    assert.deepEqual(scan(bytes, chance.cuts(bytes.length).slice(1)), whole);
    return whole.state;
  },
};

function scan(bytes: Buffer, cuts: readonly number[]): { state: string; data: string; end: number; passed: string } {
  let data = '';
  let passed = '';
  const scanner = new ChunkScanner((buffer, start, end) => {
    data += buffer.toString('latin1', start, end);
  });
  let at = 0;
  for (const cut of cuts) {
    if (scanner.done || scanner.failed) break;
    const stop = scanner.scan(bytes, at, cut);
    passed += bytes.toString('latin1', at, scanner.passEnd);
    at = stop;
  }
  if (scanner.failed) return { state: 'refused', data: '', end: 0, passed: '' };
  return { state: scanner.done ? 'taken' : 'more', data, end: at, passed: passed + scanner.trailers };
}

export const HTTP1_CASES: readonly FuzzCase[] = [requestSplits, requestNode, response, chunked];

/** Requests for the cases that need a server. */
export const anyRequest = (chance: Chance): string => chance.mutated(chance.pick(VALID_REQUESTS), SPLICES, 2);
