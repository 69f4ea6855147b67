/**
 * Requests on which readers of HTTP/1 have been known to differ: the rules of RFC 9112, and what has been published on
 * request smuggling (CL.TE, TE.CL, TE.TE, CL.0, 0.CL, chunk extensions, line ends, field names, upgrades). Each is the
 * bytes before a marker request, as Latin-1. `ID` and `HOST` stand for the id of the trial and the service's name.
 */
import { chunk, each, HOST, ID, pieces } from './corpus.ts';

export interface RequestCase {
  readonly name: string;
  readonly text: string;
  /** It is in order, and we must take it. */
  readonly valid?: true;
}

/** A request that would be answered, were it taken for one. */
const SMUGGLED = `GET /${ID}/smuggled HTTP/1.1\r\nHost: ${HOST}\r\nX-S: `;
const LINE = `POST /${ID}/a HTTP/1.1`;

const request = (fields: string, body = '', line = LINE): string => `${line}\r\nHost: ${HOST}\r\n${fields}\r\n${body}`;
const get = (fields: string, line = `GET /${ID}/a HTTP/1.1`): string => request(fields, '', line);
const sized = (body: string): string => request(`Content-Length: ${body.length}\r\n`, body);
const chunked = (body: string): string => request('Transfer-Encoding: chunked\r\n', body);

const group = (about: string, entries: Iterable<readonly [string, string]>, valid?: true): readonly RequestCase[] =>
  [...entries].map(([name, text]) => ({ name: `${about}: ${name}`, text, ...(valid === undefined ? {} : { valid }) }));

const CODINGS = pieces('codings');
const LENGTHS = pieces('lengths');
const EXTENSIONS = pieces('chunk-extensions');
const FIELD_LINES = pieces('field-lines');
const LINES = pieces('request-lines');
const UPGRADES = pieces('upgrades');
const EXPECTS = pieces('expectations');
const CONNECTIONS = pieces('connections');

const inOrder = group(
  'in order',
  [
    ['no body', get('')],
    ['a length', sized('hello')],
    ['a length of 0', request('Content-Length: 0\r\n')],
    ['a length with zeros in front', request('Content-Length: 0005\r\n', 'hello')],
    ['a length between blanks', request('Content-Length: \t 5 \t\r\n', 'hello')],
    ['a body that looks like a request', sized(`${SMUGGLED}x\r\n\r\n`)],
    ['a body that looks like chunks', sized('0\r\n\r\n')],
    ['GET with a body', request('Content-Length: 5\r\n', 'hello', `GET /${ID}/a HTTP/1.1`)],
    [
      'GET with a body that looks like a request',
      request(`Content-Length: ${SMUGGLED.length + 5}\r\n`, `${SMUGGLED}x\r\n\r\n`, `GET /${ID}/a HTTP/1.1`),
    ],
    ['HEAD', get('', `HEAD /${ID}/a HTTP/1.1`)],
    ['HEAD with a body', request('Content-Length: 5\r\n', 'hello', `HEAD /${ID}/a HTTP/1.1`)],
    ['DELETE with a body', request('Content-Length: 5\r\n', 'hello', `DELETE /${ID}/a HTTP/1.1`)],
    ['OPTIONS with a body', request('Content-Length: 5\r\n', 'hello', `OPTIONS /${ID}/a HTTP/1.1`)],
    ['chunks', chunked(`${chunk('hello')}${chunk('you')}0\r\n\r\n`)],
    ['no chunk but the last', chunked('0\r\n\r\n')],
    ['chunk sizes in capitals', chunked(`A\r\n0123456789\r\n0\r\n\r\n`)],
    ['chunk sizes with zeros in front', chunked('0005\r\nhello\r\n000\r\n\r\n')],
    [
      'GET with chunks',
      request('Transfer-Encoding: chunked\r\n', `${chunk('hello')}0\r\n\r\n`, `GET /${ID}/a HTTP/1.1`),
    ],
    ['Chunked in capitals', request('TRANSFER-ENCODING: Chunked\r\n', `${chunk('hello')}0\r\n\r\n`)],
    ['chunks that look like a request', chunked(`${chunk(`${SMUGGLED}x\r\n\r\n`)}0\r\n\r\n`)],
    ['a trailer', chunked(`${chunk('hello')}0\r\nX-Sum: 1\r\n\r\n`)],
    ['an empty line in front', `\r\n${sized('hello')}`],
    ['two requests', `${sized('hello')}${sized('again')}`],
    ['three requests, chunks first', `${chunked(`${chunk('hello')}0\r\n\r\n`)}${sized('again')}${get('')}`],
    ['Connection: close with a body', request('Connection: close\r\nContent-Length: 5\r\n', 'hello')],
    ['absolute-form', get('', `GET http://${HOST}/${ID}/a HTTP/1.1`)],
    ['a quoted field value', get('X-Q: "a, b; c\\""\r\n')],
    ['obs-text in a value', get('X-Q: \xe9\xff\r\n')],
    ['an empty value', get('X-Q:\r\n')],
    ['Expect with its body', request('Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello')],
    ['HTTP/1.0', request('', '', `GET /${ID}/a HTTP/1.0`)],
    ['HTTP/1.0 with a body', request('Content-Length: 5\r\n', 'hello', `POST /${ID}/a HTTP/1.0`)],
  ],
  true,
);

/** Chunks first, then a length that reaches into what is smuggled, and the other way round. */
const conflicts = (line: string): (readonly [string, string])[] => [
  [
    `${JSON.stringify(line)}, CL.TE`,
    request(`Content-Length: ${`0\r\n\r\n${SMUGGLED}`.length}\r\n${line}\r\n`, `0\r\n\r\n${SMUGGLED}`),
  ],
  [
    `${JSON.stringify(line)}, TE.CL`,
    request(
      `${line}\r\nContent-Length: 4\r\n`,
      `${(SMUGGLED.length + 5).toString(16)}\r\n${SMUGGLED}x\r\n\r\n\r\n0\r\n\r\n`,
    ),
  ],
  [`${JSON.stringify(line)}, no length`, request(`${line}\r\n`, `${chunk('hello')}0\r\n\r\n`)],
];

const codings = [
  ...group(
    'coding',
    CODINGS.flatMap((value) => conflicts(`Transfer-Encoding: ${value}`)),
  ),
  ...group('coding', pieces('coding-lines').flatMap(conflicts)),
];

const lengths = [
  ...group(
    'length',
    each(LENGTHS, (value) => request(`Content-Length: ${value}\r\n`, 'hello')),
  ),
  ...group(
    'length',
    each(pieces('length-lines'), (line) => request(`${line}\r\n`, 'hello')),
  ),
  ...group(
    'length on GET',
    each(LENGTHS.slice(0, 12), (value) => request(`Content-Length: ${value}\r\n`, 'hello', `GET /${ID}/a HTTP/1.1`)),
  ),
];

const chunks = [
  ...group('chunks', each(pieces('chunks'), chunked)),
  ...group(
    'chunk extension',
    each(EXTENSIONS, (text) => chunked(`5${text}\r\nhello\r\n0\r\n\r\n`)),
  ),
  ...group(
    'extension of the last chunk',
    each(EXTENSIONS.slice(0, 24), (text) => chunked(`5\r\nhello\r\n0${text}\r\n\r\n`)),
  ),
  // "Funky chunks" and the like: where does the line of the size end?
  ...group('chunk extension that hides a request', [
    ['bare LF', chunked(`2;\nxx\r\n${(SMUGGLED.length + 20).toString(16)}\r\n0\r\n\r\n${SMUGGLED}x\r\n\r\n0\r\n\r\n`)],
    ['bare CR', chunked(`2;\rxx\r\n${(SMUGGLED.length + 20).toString(16)}\r\n0\r\n\r\n${SMUGGLED}x\r\n\r\n0\r\n\r\n`)],
    ['two bytes more', chunked(`5\r\nhelloXX3c\r\n0\r\n\r\n${SMUGGLED}x\r\n\r\n0\r\n\r\n`)],
    [
      'one byte as line end',
      chunked(`5\r\nhello\n${SMUGGLED.length.toString(16)}\n0\n\n${SMUGGLED}x\r\n\r\n0\r\n\r\n`),
    ],
    ['a quoted line end', chunked(`5;a="\r\nhello\r\n0\r\n\r\n`)],
    ['many', chunked(`${'1;a\r\nx\r\n'.repeat(40)}0\r\n\r\n`)],
    ['long', chunked(`5;${'a'.repeat(200)}\r\nhello\r\n0\r\n\r\n`)],
    ['very long', chunked(`5;${'a'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`)],
  ]),
  ...group(
    'trailer',
    each(pieces('trailers'), (text) => chunked(`5\r\nhello\r\n0\r\n${text}`)),
  ),
];

const lines = [
  ...group(
    'field',
    each(FIELD_LINES, (line) => get(`${line}\r\n`)),
  ),
  ...group(
    'field before a length',
    each(FIELD_LINES.slice(0, 24), (line) => request(`${line}\r\nContent-Length: 5\r\n`, 'hello')),
  ),
  ...group(
    'host',
    each(pieces('host-lines'), (line) => `GET /${ID}/a HTTP/1.1\r\n${line}${line === '' ? '' : '\r\n'}\r\n`),
  ),
  ...group(
    'request line',
    each(LINES, (line) => get('', line)),
  ),
  ...group(
    'request line with a body',
    each(LINES.slice(0, 28), (line) => request('Content-Length: 5\r\n', 'hello', line)),
  ),
  ...group('line ends', [
    ['all bare LF', `GET /${ID}/a HTTP/1.1\nHost: ${HOST}\n\n`],
    ['all bare LF with a body', `POST /${ID}/a HTTP/1.1\nHost: ${HOST}\nContent-Length: 5\n\nhello`],
    ['all bare CR', `GET /${ID}/a HTTP/1.1\rHost: ${HOST}\r\r`],
    ['LF after the line', `GET /${ID}/a HTTP/1.1\nHost: ${HOST}\r\n\r\n`],
    ['LF after the last field', `GET /${ID}/a HTTP/1.1\r\nHost: ${HOST}\n\r\n`],
    ['LF as the empty line', `GET /${ID}/a HTTP/1.1\r\nHost: ${HOST}\r\n\n`],
    ['CR CR LF', `GET /${ID}/a HTTP/1.1\r\r\nHost: ${HOST}\r\n\r\n`],
    ['CR CR LF as the empty line', `GET /${ID}/a HTTP/1.1\r\nHost: ${HOST}\r\n\r\r\n`],
    ['two empty lines in front', `\r\n\r\n${get('')}`],
    ['three empty lines in front', `\r\n\r\n\r\n${get('')}`],
    ['a bare LF in front', `\n${get('')}`],
    ['a bare CR in front', `\r${get('')}`],
    ['a blank line of spaces in front', `  \r\n${get('')}`],
    ['LF CR', `GET /${ID}/a HTTP/1.1\n\rHost: ${HOST}\n\r\n\r`],
    ['an empty line behind a body', `${sized('hello')}\r\n`],
    ['two empty lines behind a body', `${sized('hello')}\r\n\r\n`],
    ['a bare LF behind a body', `${sized('hello')}\n`],
    ['NUL in front', `\x00${get('')}`],
    ['a BOM in front', `\xef\xbb\xbf${get('')}`],
    ['nothing but a line', `GET /${ID}/a\r\n`],
    ['nothing but a line with LF', `GET /${ID}/a\n`],
    ['a TLS hello', '\x16\x03\x01\x00\x05hello\r\n\r\n'],
  ]),
];

const ws = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const others = [
  ...group(
    'upgrade',
    each(UPGRADES, (fields) => get(fields)),
  ),
  ...group(
    'upgrade with a body',
    each(UPGRADES, (fields) => request(`${fields}Content-Length: 5\r\n`, 'hello')),
  ),
  ...group(
    'upgrade with an empty body',
    each(UPGRADES.slice(0, 4), (fields) => request(`${fields}Content-Length: 0\r\n`)),
  ),
  ...group(
    'upgrade with chunks',
    each(UPGRADES, (fields) => request(`${fields}Transfer-Encoding: chunked\r\n`, `${chunk('hello')}0\r\n\r\n`)),
  ),
  ...group(
    'expect',
    each(EXPECTS, (value) => request(`Expect: ${value}\r\nContent-Length: 5\r\n`, 'hello')),
  ),
  ...group(
    'expect without a body',
    each(EXPECTS, (value) => get(`Expect: ${value}\r\n`)),
  ),
  ...group(
    'expect with chunks',
    each(EXPECTS.slice(0, 5), (value) =>
      request(`Expect: ${value}\r\nTransfer-Encoding: chunked\r\n`, `${chunk('hello')}0\r\n\r\n`),
    ),
  ),
  ...group(
    'connection',
    each(CONNECTIONS, (value) => request(`Connection: ${value}\r\nContent-Length: 5\r\n`, 'hello')),
  ),
  ...group(
    'connection with chunks',
    each(CONNECTIONS, (value) =>
      request(`Connection: ${value}\r\nTransfer-Encoding: chunked\r\n`, `${chunk('hello')}0\r\n\r\n`),
    ),
  ),
  ...group('HTTP/1.0', [
    ['chunks', request('Transfer-Encoding: chunked\r\n', `${chunk('hello')}0\r\n\r\n`, `POST /${ID}/a HTTP/1.0`)],
    [
      'chunks and a length',
      request(
        'Transfer-Encoding: chunked\r\nContent-Length: 15\r\n',
        `${chunk('hello')}0\r\n\r\n`,
        `POST /${ID}/a HTTP/1.0`,
      ),
    ],
    ['keep-alive', request('Connection: keep-alive\r\n', '', `GET /${ID}/a HTTP/1.0`)],
    [
      'keep-alive with a body',
      request('Connection: keep-alive\r\nContent-Length: 5\r\n', 'hello', `POST /${ID}/a HTTP/1.0`),
    ],
    [
      'keep-alive with chunks',
      request(
        'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n',
        `${chunk('hello')}0\r\n\r\n`,
        `POST /${ID}/a HTTP/1.0`,
      ),
    ],
    ['no host', `GET /${ID}/a HTTP/1.0\r\n\r\n`],
    ['a body without a length', request('', 'hello', `POST /${ID}/a HTTP/1.0`)],
    ['expect', request('Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello', `POST /${ID}/a HTTP/1.0`)],
    ['upgrade', request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${ws}`, '', `GET /${ID}/a HTTP/1.0`)],
  ]),
  ...group('pipelined', [
    ['ten', get('').repeat(10)],
    ['a bad one second', `${get('')}${request('Content-Length: x\r\n', 'hello')}`],
    ['CL.0 on a path', `${request(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED)}`],
    ['0.CL', `${request(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED, `GET /${ID}/a HTTP/1.1`)}`],
    [
      '0.CL by Expect',
      request(`Expect: y 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED, `GET /${ID}/a HTTP/1.1`),
    ],
    ['0.CL by a reserved name', request(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED, `GET /${ID}/con HTTP/1.1`)],
    ['HEAD, then a body', `${request('Content-Length: 5\r\n', 'hello', `HEAD /${ID}/a HTTP/1.1`)}${sized('again')}`],
    ['a body without framing', `${request('', 'hello')}`],
    ['a method glued to a body', `${request('Content-Length: 4\r\n', 'hello')}`],
    ['a cut request line', `${get('')}GET /${ID}/b`],
    ['after close', `${get('Connection: close\r\n')}${get('')}`],
    ['chunks, then a length', `${chunked(`${chunk('hello')}0\r\n\r\n`)}${sized('hello')}`],
    ['chunks, CRLF, then a request', `${chunked(`${chunk('hello')}0\r\n\r\n`)}\r\n${sized('hello')}`],
  ]),
];

export const REQUEST_CASES: readonly RequestCase[] = [
  ...inOrder,
  ...codings,
  ...lengths,
  ...chunks,
  ...lines,
  ...others,
];
