/** Requests of HTTP/2 that would become two, or none, if they were put into HTTP/1.1 as they are. */
import { once } from 'node:events';
import tls from 'node:tls';
import { FRAME, frame } from '../support/h2-client.ts';
import { filled, HOST, ID } from './corpus.ts';
import type { Asked, Recorder } from './recorder.ts';
import { atOnce, type Front, type Stand } from './stand.ts';

type Field = readonly [name: string, value: string];

export interface H2Case {
  readonly name: string;
  readonly fields: readonly Field[];
  /** DATA frames; without any, the head ends the stream. */
  readonly data: readonly string[];
  readonly trailers?: readonly Field[];
  /** It is in order: this body must arrive. */
  readonly valid?: string;
}

const SMUGGLED = `GET /${ID}/smuggled HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
const EMPTY_CHUNK = `0\r\n\r\n${SMUGGLED}`;

const pseudo = (changes: Readonly<Record<string, string>> = {}): readonly Field[] =>
  Object.entries({ ':method': 'POST', ':scheme': 'https', ':path': `/${ID}/a`, ':authority': HOST, ...changes });

const post = (name: string, more: readonly Field[], data: readonly string[] = [EMPTY_CHUNK]): H2Case => ({
  name,
  fields: [...pseudo(), ...more],
  data,
});
const head = (name: string, changes: Readonly<Record<string, string>>): H2Case => ({
  name,
  fields: pseudo(changes),
  data: [],
});

const VALUES: readonly string[] = [
  'a\r\ntransfer-encoding: chunked',
  'a\ntransfer-encoding: chunked',
  'a\rtransfer-encoding: chunked',
  `a\r\n\r\n${SMUGGLED}`,
  'a\0b',
  'a\r',
  'a\n',
  '\r\na',
  ' a',
  'a ',
  '\ta',
  'a\x01',
  'a\x7f',
  'a\x0b',
];
const NAMES: readonly string[] = [
  'transfer-encoding',
  'Transfer-Encoding',
  'transfer-encoding ',
  ' transfer-encoding',
  'transfer-encoding:',
  'transfer_encoding',
  'x\r\ntransfer-encoding',
  'x: y\r\ntransfer-encoding',
  'x: y\ntransfer-encoding',
  'transfer-encoding\0',
  'x\0',
  '',
  ' ',
  'x y',
  'x:y',
  ':x',
  ':transfer-encoding',
  'connection',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
  'te',
  'X-Upper',
  'x\xe9',
];
const PATHS: readonly string[] = [
  '',
  '*',
  'a',
  `/${ID}/a b`,
  `/${ID}/a HTTP/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`,
  `/${ID}/a HTTP/1.1`,
  `/${ID}/a\r\nx: y`,
  `/${ID}/a\0`,
  `/${ID}/a#b`,
  `/${ID}/\xe9`,
  `http://other/${ID}/a`,
  `/${ID}/a\tb`,
  ` /${ID}/a`,
  `/${ID}/a `,
];
const METHODS: readonly string[] = [
  '',
  'GET /x',
  `GET /${ID}/smuggled HTTP/1.1\r\nHost: ${HOST}\r\n\r\nGET`,
  'GET\r\n',
  'get',
  'CONNECT',
  'TRACE',
  'G\0T',
  'PRI',
];
const AUTHORITIES: readonly string[] = [
  '',
  `${HOST}\r\nx: y`,
  `a@${HOST}`,
  `${HOST}/x`,
  `${HOST} x`,
  `${HOST}\0`,
  'other.localhost',
  `${HOST}:443`,
  `x, ${HOST}`,
];
const SCHEMES: readonly string[] = ['', 'http', 'ftp', `https://${HOST}/x?`, 'https\r\nx: y', 'HTTPS'];

export const H2_CASES: readonly H2Case[] = [
  { ...post('a length that is right', [['content-length', '5']], ['hello']), valid: 'hello' },
  { ...post('no length', [], ['hel', 'lo']), valid: 'hello' },
  { ...post('no length, a body like a request', [], [SMUGGLED]), valid: SMUGGLED },
  { ...post('no length, a body like chunks', [], [EMPTY_CHUNK]), valid: EMPTY_CHUNK },
  { ...post('an empty body', [], ['']), valid: '' },
  { ...post('a trailer', [], ['hello']), trailers: [['x-sum', '1']], valid: 'hello' },
  {
    ...post(
      'crumbs of cookies',
      [
        ['cookie', 'a=b'],
        ['cookie', 'c=d'],
      ],
      ['hello'],
    ),
    valid: 'hello',
  },
  post('a length that is too short', [['content-length', '4']]),
  post('a length of 0', [['content-length', '0']]),
  post('a length that is too long', [['content-length', '500']]),
  post('two lengths', [
    ['content-length', '5'],
    ['content-length', String(EMPTY_CHUNK.length)],
  ]),
  post('two lengths that agree', [
    ['content-length', String(EMPTY_CHUNK.length)],
    ['content-length', String(EMPTY_CHUNK.length)],
  ]),
  ...['x', '+5', '5, 5', '0x5', '', '-1', '1e3', '5\0', ' 5', '5 '].map((v) =>
    post(`the length ${JSON.stringify(v)}`, [['content-length', v]], ['hello']),
  ),
  { ...post('a length without a body', [['content-length', '5']], []) },
  ...NAMES.map((name) => post(`a field ${JSON.stringify(name)}`, [[name, 'chunked']])),
  ...VALUES.map((value) => post(`a value ${JSON.stringify(value)}`, [['x', value]])),
  ...VALUES.map((value) =>
    post(`a cookie ${JSON.stringify(value)}`, [
      ['cookie', 'a=b'],
      ['cookie', value],
    ]),
  ),
  ...PATHS.map((path) => head(`the path ${JSON.stringify(path)}`, { ':path': path })),
  ...METHODS.map((method) => head(`the method ${JSON.stringify(method)}`, { ':method': method })),
  ...AUTHORITIES.map((authority) => head(`the authority ${JSON.stringify(authority)}`, { ':authority': authority })),
  ...SCHEMES.map((scheme) => head(`the scheme ${JSON.stringify(scheme)}`, { ':scheme': scheme })),
  post('a host that differs', [['host', 'other.localhost']], ['hello']),
  post('a pseudo field at the end', [[':path', `/${ID}/b`]], ['hello']),
  post('an expectation', [['expect', '100-continue']], ['hello']),
  post(
    'an upgrade',
    [
      ['connection', 'upgrade'],
      ['upgrade', 'websocket'],
    ],
    ['hello'],
  ),
  ...(['content-length', 'transfer-encoding', ':path', 'host', 'x\r\ny', 'X-Upper'] as const).map((name) => ({
    ...post(`a trailer ${JSON.stringify(name)}`, [], ['hello']),
    trailers: [[name, 'chunked'] as const],
  })),
  { ...post('a trailer of two lines', [], ['hello']), trailers: [['x', `a\r\n\r\n${SMUGGLED}`]] },
];

export interface H2Trial {
  readonly h2: H2Case;
  readonly front: Front;
  /** What reached the origin of the trial, the marker request too. */
  readonly reached: readonly Asked[];
}

/** Tries every case over TLS on every front that is us. */
export async function tryH2(stand: Stand, recorder: Recorder): Promise<readonly H2Trial[]> {
  const jobs = H2_CASES.flatMap((h2) => stand.ours.map((front) => ({ h2, front })));
  const done: H2Trial[] = [];
  let count = 0;
  await atOnce(jobs, 16, async ({ h2, front }) => {
    const id = `h${(count++).toString(36).padStart(5, '0')}`;
    await send(stand.edge.ready.httpsPort, h2, (text) => filled(text, id, front.host));
    const reached = recorder
      .of(id)
      .map((asked) => ({ ...asked, body: asked.body.replaceAll(id, ID).replaceAll(front.host, HOST) }));
    done.push({ h2, front, reached });
  });
  return done;
}

/** Sends the case on stream 1 and a marker on stream 3; resolves once both were answered or the connection ended. */
async function send(port: number, h2: H2Case, fill: (text: string) => string): Promise<void> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    servername: fill(HOST),
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const over = Promise.withResolvers<void>();
  const open = new Set([1, 3]);
  let rest = Buffer.alloc(0);
  socket.on('close', () => over.resolve());
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let next = nextFrame(rest); next !== undefined; next = nextFrame(rest)) {
      rest = rest.subarray(next.length);
      if (next.ends) open.delete(next.stream);
      if (open.size === 0 || next.goesAway) over.resolve();
    }
  });
  socket.write(
    Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.SETTINGS, 0, 0), ...frames(h2, fill)]),
  );
  await over.promise;
  socket.destroy();
}

function frames(h2: H2Case, fill: (text: string) => string): readonly Buffer[] {
  const last = h2.trailers === undefined ? h2.data.length - 1 : h2.data.length;
  const parts = [
    frame(FRAME.HEADERS, h2.data.length === 0 && h2.trailers === undefined ? 5 : 4, 1, block(h2.fields, fill)),
  ];
  for (const [at, data] of h2.data.entries())
    parts.push(frame(FRAME.DATA, at === last ? 1 : 0, 1, Buffer.from(fill(data), 'latin1')));
  if (h2.trailers !== undefined) parts.push(frame(FRAME.HEADERS, 5, 1, block(h2.trailers, fill)));
  const marker = pseudo({ ':method': 'GET', ':path': `/${ID}/marker` });
  return [...parts, frame(FRAME.HEADERS, 5, 3, block(marker, fill))];
}

interface Seen {
  readonly length: number;
  readonly stream: number;
  /** The stream is over. */
  readonly ends: boolean;
  readonly goesAway: boolean;
}

function nextFrame(bytes: Buffer): Seen | undefined {
  if (bytes.length < 9) return undefined;
  const length = 9 + bytes.readUIntBE(0, 3);
  if (bytes.length < length) return undefined;
  const [type, flags] = [bytes.readUInt8(3), bytes.readUInt8(4)];
  const carries = type === FRAME.DATA || type === FRAME.HEADERS;
  return {
    length,
    stream: bytes.readUInt32BE(5),
    ends: type === FRAME.RST_STREAM || (carries && (flags & 1) === 1),
    goesAway: type === FRAME.GOAWAY,
  };
}

/** Fields as literals without indexing and without Huffman codes (RFC 7541 sections 5.1, 5.2 and 6.2.2). */
function block(fields: readonly Field[], fill: (text: string) => string): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), literal(fill(name)), literal(fill(value))]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const size = [Math.min(bytes.length, 127)];
  if (bytes.length >= 127) {
    let more = bytes.length - 127;
    for (; more >= 128; more = more >> 7) size.push((more & 127) | 128);
    size.push(more);
  }
  return Buffer.concat([Buffer.from(size), bytes]);
}
