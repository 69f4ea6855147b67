import type { Socket } from 'node:net';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { type Because, because } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { Clock } from '../../../shared/node/clock.ts';
import type { OpenRequest } from '../../../shared/wire/open.ts';
import { failureOf } from '../../../shared/wire/reset-meaning.ts';
import type { DialOrigin } from '../origin-stream.ts';
import { obstacleOf, placeOf } from './detail.ts';
import type { Exchange } from './exchange.ts';
import type { MessageHead } from './message-parser.ts';
import { sendHttp2 } from './replay-http2.ts';
import { maskHeader, maskPath } from './secrets.ts';
import type { StreamTap } from './stream-tap.ts';

/** Milliseconds that a replay may take altogether. */
const REPLAY_LIMIT = 120_000;

/** What is changed before a request is sent again; what is left out stays as it was. */
export interface ReplayEdit {
  readonly method?: string | undefined;
  /** As it was shown: masked parts stand for what they hide. */
  readonly path?: string | undefined;
  /** All of them, in their order; a value that is the masked one of a header of that name stands for what it hides. */
  readonly headers?: readonly { readonly name: string; readonly value: string }[] | undefined;
  readonly body?: Buffer | undefined;
}

/** A request ready to be sent. */
export interface ComposedReplay {
  readonly target: OpenRequest;
  readonly method: string;
  readonly path: string;
  /** Without what belongs to a connection. */
  readonly headers: MessageHead['headers'];
  readonly body: Buffer;
  readonly edited: boolean;
  /** It was sent over HTTP/2, and goes over it again where the target still speaks it. */
  readonly http2: boolean;
}

/** Fields that say how a message goes over its connection, which is another one now. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** RFC 9110 section 5.5, in characters that Latin-1 has. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PATH = /^(?:\/[\x21-\x7e\x80-\xff]*|\*|https?:\/\/[\x21-\x7e\x80-\xff]+)$/;

/** The request of `exchange` with `edit` made; real values stand where masked ones were left as they are. */
export function composeReplay(
  exchange: Exchange,
  edit: ReplayEdit | undefined,
  secrets: ReadonlySet<string>,
): Result<ComposedReplay, Failure> {
  const obstacle = obstacleOf(exchange);
  if (obstacle === 'upgrade') return impossible(because('replay_upgraded'));
  if (obstacle === 'cut' && edit?.body === undefined) return impossible(because('replay_cut'));
  const [oldMethod, oldPath] = exchange.request.first;
  const method = edit?.method ?? oldMethod;
  const path = edit?.path === undefined || edit.path === maskPath(oldPath) ? oldPath : edit.path;
  if (!TOKEN.test(method) || method === 'CONNECT') return impossible(because('replay_method'), 'method');
  if (!PATH.test(path)) return impossible(because('replay_path'), 'path');
  const headers = edit?.headers === undefined ? exchange.request.headers : unmask(exchange, edit.headers, secrets);
  const bad = headers.find(([name, value]) => !TOKEN.test(name) || !VALUE.test(value));
  if (bad !== undefined) return impossible(because('replay_header', { name: bad[0].slice(0, 64) }), 'headers');
  const body = edit?.body ?? exchange.requestBody.bytes();
  // A body that was edited is no longer packed.
  const left = (name: string): boolean =>
    !HOP_BY_HOP.has(name) && !(name === 'content-encoding' && edit?.body !== undefined);
  return ok({
    target: exchange.http2 ? exchange.target : withoutHttp2(exchange.target),
    method,
    path,
    headers: headers.filter(([name]) => left(name.toLowerCase())),
    body,
    edited: edit !== undefined,
    http2: exchange.http2,
  });
}

const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']);

/** The request as HTTP/1.1 has it. */
function messageOf({ method, path, headers, body }: ComposedReplay): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body.length > 0 || !BODYLESS.has(method) ? `Content-Length: ${body.length}\r\n` : '';
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}Connection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

const impossible = (reason: Because, field?: string): Result<never, Failure> =>
  err(failure('replay_impossible', { reason }, field));

function withoutHttp2({ http2: _, ...target }: OpenRequest): OpenRequest {
  return target;
}

/** The edited headers, with the originals' values in the place of masked ones. */
function unmask(
  { request }: Exchange,
  edited: readonly { readonly name: string; readonly value: string }[],
  secrets: ReadonlySet<string>,
): (readonly [string, string])[] {
  const hidden = new Map<string, string[]>();
  for (const [name, value] of request.headers) {
    const shown = maskHeader(name, value, secrets);
    if (shown.masked !== true) continue;
    const key = `${name.toLowerCase()}: ${shown.value}`;
    hidden.set(key, [...(hidden.get(key) ?? []), value]);
  }
  return edited.map(({ name, value }) => [name, hidden.get(`${name.toLowerCase()}: ${value}`)?.shift() ?? value]);
}

interface Sending {
  readonly dial: DialOrigin;
  readonly tap: StreamTap;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Dials and sends; resolves when the request is on its way. `onOver` comes once, when everything is over. */
export async function sendReplay(
  replay: ComposedReplay,
  { dial, tap, clock, signal }: Sending,
  onOver: () => void,
): Promise<Result<null, Failure>> {
  const { target } = replay;
  const dialled = await dial(target, signal);
  if (!dialled.ok) {
    onOver();
    tap.stop();
    return err(failure(failureOf(dialled.error.code), { target: placeOf(target) }));
  }
  const { socket, dialMicros, http2 } = dialled.value;
  tap.opened(dialMicros, http2);
  follow(socket, tap, clock, signal, onOver);
  // Over TLS the target was asked; else it speaks what it spoke.
  if (http2 || (replay.http2 && !target.tls))
    return sendHttp2(replay, socket, tap) ? ok(null) : impossible(because('replay_headers'), 'headers');
  const request = messageOf(replay);
  tap.fromVisitor(request, 0, request.length);
  socket.write(request);
  return ok(null);
}

/** Reads the answer to its end: the origin's, the time's, or the app's. */
function follow(socket: Socket, tap: StreamTap, clock: Clock, signal: AbortSignal, onOver: () => void): void {
  const cut = (): void => void socket.destroy();
  const cancel = clock.setTimeout(cut, REPLAY_LIMIT);
  signal.addEventListener('abort', cut, { once: true });
  socket.on('data', (bytes: Buffer) => {
    tap.fromOrigin(bytes, 0, bytes.length);
  });
  socket.on('end', () => {
    tap.originEnded();
    socket.end();
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    cancel();
    signal.removeEventListener('abort', cut);
    tap.stop();
    onOver();
  });
  if (signal.aborted) cut();
}
