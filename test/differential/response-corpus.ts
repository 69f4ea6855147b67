/**
 * Responses of origins that are odd, wrong or hostile: framing that contradicts itself, bodies where none may be, interim
 * responses, second responses that nobody asked for. `ID` stands for the id of the trial. As Latin-1.
 */
import { chunk, each, ID, pieces } from './corpus.ts';

export interface ResponseCase {
  readonly name: string;
  /** Written one after the other, with a pause in between. */
  readonly parts: readonly string[];
  /** The origin closes its connection afterwards. */
  readonly ends: boolean;
  readonly method: 'GET' | 'HEAD';
  /** It is in order, and a visitor must get it: its status and its body. */
  readonly valid?: { readonly status: number; readonly body: string };
}

/** What another visitor would get, were it taken for the next response. */
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
const OK = 'HTTP/1.1 200 OK';

const response = (fields: string, body = '', line = OK): string => `${line}\r\n${fields}\r\n${body}`;
const sized = (body: string, line = OK): string => response(`Content-Length: ${body.length}\r\n`, body, line);
const chunked = (body: string, line = OK): string => response('Transfer-Encoding: chunked\r\n', body, line);

type Entry = readonly [name: string, text: string | readonly string[]];
type Valid = ResponseCase['valid'];

const toCase = (about: string, [name, text]: Entry, ends: boolean, valid?: Valid): ResponseCase => ({
  name: `${about}: ${name}${ends ? ', then the end' : ''}`,
  parts: typeof text === 'string' ? [text] : text,
  ends,
  method: about.startsWith('HEAD') ? 'HEAD' : 'GET',
  ...(valid === undefined ? {} : { valid }),
});

/** Each once with the connection left open and once with its end. */
const odd = (about: string, entries: readonly Entry[]): readonly ResponseCase[] =>
  entries.flatMap((entry) => [toCase(about, entry, false), toCase(about, entry, true)]);

const good = (name: string, text: Entry[1], body: string, status = 200, ends = false): ResponseCase =>
  toCase('in order', [name, text], ends, { status, body });

const inOrder: readonly ResponseCase[] = [
  good('a length', sized('hello'), 'hello'),
  good('a length of 0', sized(''), ''),
  good('chunks', chunked(`${chunk('hello')}${chunk('you')}0\r\n\r\n`), 'helloyou'),
  good('chunks with an extension', chunked('5;a=b\r\nhello\r\n0\r\n\r\n'), 'hello'),
  good('chunks with a trailer', chunked(`${chunk('hello')}0\r\nX-Sum: 1\r\n\r\n`), 'hello'),
  good(
    'chunks in pieces',
    ['HTTP/1.1 200 OK\r\nTransfer-Enc', 'oding: chunked\r\n\r\n5', '\r\nhel', 'lo\r', '\n0\r\n', '\r\n'],
    'hello',
  ),
  good('no length', response('', 'hello'), 'hello', 200, true),
  good('a length and close', response('Connection: close\r\nContent-Length: 5\r\n', 'hello'), 'hello', 200, true),
  good('HTTP/1.0', sized('hello', 'HTTP/1.0 200 OK'), 'hello', 200, true),
  good('HTTP/1.0 without a length', response('', 'hello', 'HTTP/1.0 200 OK'), 'hello', 200, true),
  good('204', response('', '', 'HTTP/1.1 204 No Content'), '', 204),
  good('304', response('ETag: "x"\r\n', '', 'HTTP/1.1 304 Not Modified'), '', 304),
  good('304 with a length', response('Content-Length: 5\r\n', '', 'HTTP/1.1 304 Not Modified'), '', 304),
  good('404', sized('gone', 'HTTP/1.1 404 Not Found'), 'gone', 404),
  good('no reason', sized('hello', 'HTTP/1.1 200 '), 'hello'),
  good('103 first', `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${sized('hello')}`, 'hello'),
  good('a body like a response', sized(POISON), POISON),
  good('chunks like a response', chunked(`${chunk(POISON)}0\r\n\r\n`), POISON),
];

const heads: readonly Entry[] = [
  ['a length', sized('')],
  ['a length and no body', response('Content-Length: 5\r\n')],
  ['a length and its body', sized('hello')],
  ['a length and a response', response(`Content-Length: ${POISON.length}\r\n`, POISON)],
  ['chunks announced', response('Transfer-Encoding: chunked\r\n')],
  ['chunks sent', chunked(`${chunk('hello')}0\r\n\r\n`)],
  ['nothing said', response('')],
  ['nothing said, a body', response('', 'hello')],
  ['both said', response('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n')],
  ['two lengths', response('Content-Length: 5\r\nContent-Length: 6\r\n')],
];

const bodiless = [204, 304, 205, 100, 101, 102, 103, 199].flatMap((status): readonly Entry[] => {
  const line = `HTTP/1.1 ${status} Odd`;
  return [
    [`${status} with a length and a body`, sized('hello', line)],
    [`${status} with chunks`, chunked(`${chunk('hello')}0\r\n\r\n`, line)],
    [`${status} with a body`, response('', 'hello', line)],
    [`${status}, then a response`, `${response('', '', line)}${sized('hello')}`],
    [`${status} with a length, then a response`, `${response('Content-Length: 5\r\n', '', line)}${sized('hello')}`],
    [
      `${status} with chunks announced, then a response`,
      `${response('Transfer-Encoding: chunked\r\n', '', line)}${sized('hello')}`,
    ],
    [`${status} that hides a response`, response(`Content-Length: ${POISON.length}\r\n`, POISON, line)],
  ];
});

const interim: readonly Entry[] = [
  ['100 twice', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${sized('hello')}`],
  ['thirty', `${'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(30)}${sized('hello')}`],
  ['a hundred', `${'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(100)}${sized('hello')}`],
  ['in pieces', ['HTTP/1.1 100 Con', 'tinue\r\n\r', '\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'hello']],
  [
    '101 nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
  ],
  ['101 without Upgrade', `HTTP/1.1 101 Switching Protocols\r\n\r\n${sized('hello')}`],
  ['103 and nothing', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
];

const excess: readonly Entry[] = [
  ['after a length', `${sized('hello')}${POISON}`],
  ['after a length of 0', `${sized('')}${POISON}`],
  ['after chunks', `${chunked(`${chunk('hello')}0\r\n\r\n`)}${POISON}`],
  ['after 204', `${response('', '', 'HTTP/1.1 204 No Content')}${POISON}`],
  ['after 304', `${response('', '', 'HTTP/1.1 304 Not Modified')}${POISON}`],
  ['an empty line', `${sized('hello')}\r\n`],
  ['one byte', `${sized('hello')}x`],
  ['split in the head', ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe', `llo${POISON}`]],
  ['of a line in the reason', `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${POISON}\r\n\r\nhello`],
];

const shortfall: readonly Entry[] = [
  ['of a length', response('Content-Length: 9\r\n', 'hello')],
  ['of chunks', chunked('9\r\nhello')],
  ['of the last chunk', chunked(chunk('hello'))],
  ['of the last line', chunked(`${chunk('hello')}0\r\n`)],
  ['of a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['of everything', ''],
  ['of a huge length', response('Content-Length: 999999999999999\r\n', 'hello')],
];

const sizes: readonly Entry[] = [
  ['a head of 100 KiB', response(`X: ${'a'.repeat(100 * 1024)}\r\nContent-Length: 5\r\n`, 'hello')],
  ['a thousand fields', response(`${'X: y\r\n'.repeat(1000)}Content-Length: 5\r\n`, 'hello')],
  ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(200 * 1024)}`],
  ['chunk extensions without end', chunked(`${`1;${'a'.repeat(250)}\r\nx\r\n`.repeat(100)}0\r\n\r\n`)],
  ['a long chunk extension', chunked(`5;${'a'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`)],
];

/** Values of `Connection` and friends that say how the response ends. */
const endings: readonly Entry[] = [
  ['Connection: close without its end', response('Connection: close\r\nContent-Length: 5\r\n', 'hello')],
  ['Connection: Content-Length', response('Connection: Content-Length\r\nContent-Length: 5\r\n', 'hello')],
  [
    'Connection: Transfer-Encoding',
    response('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', `${chunk('hello')}0\r\n\r\n`),
  ],
  ['HTTP/1.0 keep-alive', response('Connection: keep-alive\r\nContent-Length: 5\r\n', 'hello', 'HTTP/1.0 200 OK')],
  ['HTTP/1.0 with chunks', chunked(`${chunk('hello')}0\r\n\r\n`, 'HTTP/1.0 200 OK')],
  ['a refused method with a body', sized('no', 'HTTP/1.1 405 Method Not Allowed')],
  [
    '426',
    response('Connection: Upgrade\r\nUpgrade: x/1\r\nContent-Length: 2\r\n', 'no', 'HTTP/1.1 426 Upgrade Required'),
  ],
  ['200 with Upgrade', response('Connection: Upgrade\r\nUpgrade: x/1\r\nContent-Length: 5\r\n', 'hello')],
  ['Keep-Alive of nothing', response('Keep-Alive: timeout=0\r\nContent-Length: 5\r\n', 'hello')],
];

const SIZED_FIELDS = 'Content-Length: 5\r\n';
const CHUNKED_BODY = `${chunk('hello')}0\r\n\r\n`;

export const RESPONSE_CASES: readonly ResponseCase[] = [
  ...inOrder,
  ...odd('HEAD', heads),
  ...odd('bodiless', bodiless),
  ...odd('interim', interim),
  ...odd('excess', excess),
  ...odd('shortfall', shortfall),
  ...odd('size', sizes),
  ...odd('ending', endings),
  ...odd(
    'coding',
    each(pieces('codings'), (value) => response(`Transfer-Encoding: ${value}\r\n`, CHUNKED_BODY)),
  ),
  ...odd(
    'coding and length',
    each(pieces('codings'), (value) => response(`Transfer-Encoding: ${value}\r\n${SIZED_FIELDS}`, CHUNKED_BODY)),
  ),
  ...odd(
    'coding',
    each(pieces('coding-lines'), (line) => response(`${line}\r\n`, CHUNKED_BODY)),
  ),
  ...odd(
    'coding after a length',
    each(pieces('coding-lines'), (line) => response(`${SIZED_FIELDS}${line}\r\n`, CHUNKED_BODY)),
  ),
  ...odd(
    'length',
    each(pieces('lengths'), (value) => response(`Content-Length: ${value}\r\n`, 'hello')),
  ),
  ...odd(
    'length',
    each(pieces('length-lines'), (line) => response(`${line}\r\n`, 'hello')),
  ),
  ...odd(
    'chunks',
    each(pieces('chunks'), (text) => chunked(text)),
  ),
  ...odd(
    'extension',
    each(pieces('chunk-extensions'), (text) => chunked(`5${text}\r\nhello\r\n0\r\n\r\n`)),
  ),
  ...odd(
    'trailer',
    each(pieces('trailers'), (text) => chunked(`${chunk('hello')}0\r\n${text}`)),
  ),
  ...odd(
    'field',
    each(pieces('field-lines'), (line) => response(`${line}\r\n${SIZED_FIELDS}`, 'hello')),
  ),
  ...odd(
    'status line',
    each(pieces('status-lines'), (line) => sized('hello', line)),
  ),
];

/** The response to the marker request of the trial `id`. */
export const markerBody = (id: string): string => `marker ${id}`;

/** What the origin writes in the trial `id`. */
export const partsFor = (odd: ResponseCase, id: string): readonly string[] =>
  odd.parts.map((part) => part.replaceAll(ID, id));
