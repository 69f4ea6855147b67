/** Responses as a strict client reads them, and as Node's does. */
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';

/** One response. `body` is what came of it, `whole` whether that is all. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly whole: boolean;
  /** Its bytes, interim responses in front included. */
  readonly bytes: string;
}

const HEAD =
  /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/;

/**
 * Reads the answers to requests of the given methods. Knows no mercy: throws at the first byte that two clients could
 * read differently. `closed`: the connection ended in order behind `raw`.
 */
export function strictAnswers(raw: string, methods: readonly string[], closed: boolean): Answer[] {
  const answers: Answer[] = [];
  let rest = raw;
  for (const method of methods) {
    if (rest === '') break;
    const answer = nextAnswer(rest, method, closed);
    answers.push(answer);
    rest = rest.slice(answer.bytes.length);
    if (!answer.whole) break;
  }
  if (rest !== '' && answers.at(-1)?.whole !== false)
    throw new Error(`more than was asked for: ${JSON.stringify(rest)}`);
  return answers;
}

function nextAnswer(raw: string, method: string, closed: boolean): Answer {
  let at = 0;
  for (;;) {
    const head = HEAD.exec(raw.slice(at));
    if (head === null) {
      if (/\r\n\r\n/.test(raw.slice(at)))
        throw new Error(`no response head: ${JSON.stringify(raw.slice(at, at + 300))}`);
      return { status: 0, body: '', whole: false, bytes: raw };
    }
    const [text, number, fields = ''] = head;
    const status = Number(number);
    at += text.length;
    if (status < 200) {
      if (values(fields, 'content-length').length + values(fields, 'transfer-encoding').length > 0)
        throw new Error(`an interim response with framing: ${JSON.stringify(fields)}`);
      continue;
    }
    const { body, length, whole } = bodyOf(raw.slice(at), method, status, fields, closed);
    return { status, body, whole, bytes: raw.slice(0, at + length) };
  }
}

const values = (fields: string, name: string): readonly string[] =>
  [...fields.matchAll(new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*\\r$`, 'gim'))].map((match) => match[1] ?? '');

interface Body {
  readonly body: string;
  readonly length: number;
  readonly whole: boolean;
}

function bodyOf(rest: string, method: string, status: number, fields: string, closed: boolean): Body {
  const lengths = values(fields, 'content-length');
  const codings = values(fields, 'transfer-encoding');
  if (lengths.length + codings.length > 1) throw new Error(`two framings: ${JSON.stringify(fields)}`);
  if (status === 204 && lengths.length + codings.length > 0) throw new Error('204 with framing');
  if (method === 'HEAD' || status === 204 || status === 304) return { body: '', length: 0, whole: true };
  if (codings.length > 0) {
    if (codings[0] !== 'chunked') throw new Error(`a coding: ${codings[0]}`);
    return chunksOf(rest);
  }
  if (lengths.length === 0) return { body: rest, length: rest.length, whole: closed };
  if (!/^(?:0|[1-9][0-9]*)$/.test(lengths[0] ?? '')) throw new Error(`a length: ${lengths[0]}`);
  const length = Math.min(Number(lengths[0]), rest.length);
  return { body: rest.slice(0, length), length, whole: length === Number(lengths[0]) };
}

/** RFC 9112 section 7.1, nothing bent; what is cut short is not whole. */
function chunksOf(rest: string): Body {
  let body = '';
  let at = 0;
  const cut = (): Body => ({ body, length: rest.length, whole: false });
  for (;;) {
    const lineEnd = rest.indexOf('\n', at);
    if (lineEnd < 0) return cut();
    const line = rest.slice(at, lineEnd + 1);
    const size = /^([0-9a-fA-F]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n$/.exec(line)?.[1];
    if (size === undefined) throw new Error(`a chunk size: ${JSON.stringify(line)}`);
    at = lineEnd + 1;
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    body += rest.slice(at, at + length);
    if (rest.length < at + length + 2) return cut();
    at += length;
    if (rest.slice(at, at + 2) !== '\r\n') throw new Error('no line end after a chunk');
    at += 2;
  }
  for (;;) {
    const lineEnd = rest.indexOf('\n', at);
    if (lineEnd < 0) return cut();
    const line = rest.slice(at, lineEnd + 1);
    at = lineEnd + 1;
    if (line === '\r\n') return { body, length: at, whole: true };
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n$/.test(line))
      throw new Error(`a trailer: ${JSON.stringify(line)}`);
  }
}

/** What Node's client makes of an answer: its status and body; `undefined` when it refuses it. */
export type NodeAnswer = { readonly status: number; readonly body: string } | undefined;

/** Asks `port` for `path` with Node's own client. Gives up after `patience` milliseconds without an end. */
export function nodeAnswer(port: number, path: string, method: string, patience: number): Promise<NodeAnswer> {
  return new Promise((resolve) => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      signal: AbortSignal.timeout(patience),
    });
    request.on('error', () => resolve(undefined));
    // Whether 101 is unasked for or not, what follows is no body.
    request.on('upgrade', (_, socket) => {
      socket.destroy();
      resolve(undefined);
    });
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(undefined));
    });
    request.end();
  });
}

/** Lets Node's client read `bytes` as an answer. */
export async function nodeReads(bytes: string, method: string, patience: number): Promise<NodeAnswer> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.from(bytes, 'latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await nodeAnswer((server.address() as AddressInfo).port, '/', method, patience);
  } finally {
    server.close();
  }
}
