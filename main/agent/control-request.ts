import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import { Agent, request } from 'node:https';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { API_PREFIX, errorBodySchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { plainText } from '../../shared/domain/failure-params.ts';
import { because, type Reason } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { errorCode, unreachableReason } from './dial-error.ts';
import { describeEdge, type EdgeAddress } from './edge-address.ts';
import type { EdgeDialler } from './edge-dialler.ts';

/** Milliseconds for a whole call, dialling included. */
const CALL_TIMEOUT = 20_000;
/** Bytes that a reply may have: a thousand services with many targets fit. */
export const REPLY_LIMIT = 32 * 1024 * 1024;
/** Bytes of a refusal. */
const REFUSAL_LIMIT = 64 * 1024;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Path under the API prefix, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /**
   * May be sent again when a kept connection turns out to be dead. Others leave on a connection of their own, where
   * that cannot happen, so that nothing is ever done twice.
   */
  readonly repeatable: boolean;
}

/** Carries the refusal of a dial through node:https, which knows errors only. */
class DialError extends Error {
  readonly failure: Failure;
  constructor(reason: Failure) {
    super(reason.message);
    this.failure = reason;
  }
}

/** Makes its connections with the edge dialler: they are verified before a request is written to them. */
class EdgeAgent extends Agent {
  readonly #dialler: EdgeDialler;
  readonly #signal: AbortSignal;

  constructor(dialler: EdgeDialler, signal: AbortSignal, keepAlive: boolean) {
    super({ keepAlive, maxSockets: 16, maxFreeSockets: 2, timeout: 0 });
    this.#dialler = dialler;
    this.#signal = signal;
  }

  override createConnection(_options: RequestOptions, done?: (error: Error | null, socket: Duplex) => void): undefined {
    void this.#dialler.dial({ purpose: 'control', signal: this.#signal }).then((dialled) => {
      // Node's agent reads the second argument only when the first is null; its type says otherwise.
      if (!dialled.ok) (done as ((error: Error) => void) | undefined)?.(new DialError(dialled.error));
      else if (done === undefined) dialled.value.socket.destroy();
      else done(null, dialled.value.socket);
    });
  }
}

/** Requests to one edge's control API. */
export interface Requester {
  /** Calls and parses the reply; `undefined` as schema expects an empty one (204). */
  call<T>(call: Call, schema: z.ZodType<T>): Promise<Result<T, Failure>>;
  callEmpty(call: Call): Promise<Result<null, Failure>>;
  /** Opens a stream; its body is the caller's, who destroys it. */
  open(call: Call, signal: AbortSignal): Promise<Result<IncomingMessage, Failure>>;
  /** The failure of something that broke or was odd after it began. */
  broken(error: unknown): Failure;
  odd(reason: Reason): Failure;
  /** Ends every call under way and every kept connection. Idempotent. */
  close(): void;
}

/**
 * Calls the edge at `address` over connections that `dialler` opens; repeatable calls share kept ones. Without a
 * `credential` it calls as a stranger. Fails as the dialler does, as the edge refuses, or with `edge_unreachable` or
 * `edge_odd`.
 */
export function createRequester(address: EdgeAddress, dialler: EdgeDialler, credential: string | undefined): Requester {
  const closing = new AbortController();
  const kept = new EdgeAgent(dialler, closing.signal, true);
  const single = new EdgeAgent(dialler, closing.signal, false);
  const at = describeEdge(address);
  const odd = (reason: Reason): Failure => failure('edge_odd', { address: at, reason });

  function broken(error: unknown): Failure {
    if (error instanceof DialError) return error.failure;
    const code = errorCode(error);
    if (closing.signal.aborted) return failure('edge_unreachable', { address: at, reason: because('given_up') });
    if (code.startsWith('HPE_')) return odd(because('not_http'));
    const reason = unreachableReason(code) ?? (code === '' || code === 'ABORT_ERR' ? because('silent') : code);
    return failure('edge_unreachable', { address: at, reason });
  }

  function send(call: Call, agent: Agent, signal: AbortSignal): Promise<Result<IncomingMessage, Failure | 'stale'>> {
    return new Promise((resolve) => {
      const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
      const sent = request({
        agent,
        signal,
        method: call.method,
        path: API_PREFIX + call.path,
        // For the `Host` header and the agent's bookkeeping; the dialler knows where to go.
        host: address.domain ?? address.host,
        port: address.port,
        headers: headersOf(body, credential),
      });
      sent.on('response', (response) => resolve(ok(response)));
      sent.on('error', (error) => {
        const stale = sent.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(errorCode(error));
        resolve(err(stale ? 'stale' : broken(error)));
      });
      sent.end(body);
    });
  }

  /** Sends; a kept connection that the edge closed meanwhile is replaced by a new one, once. */
  async function respond(call: Call, signal: AbortSignal): Promise<Result<IncomingMessage, Failure>> {
    const first = await send(call, call.repeatable ? kept : single, signal);
    if (first.ok) return first;
    if (first.error !== 'stale') return err(first.error);
    const second = await send(call, single, signal);
    if (second.ok) return second;
    return err(second.error === 'stale' ? broken(undefined) : second.error);
  }

  /** The reply when it is a success, else the failure that it carries. */
  async function succeed(call: Call, signal: AbortSignal): Promise<Result<IncomingMessage, Failure>> {
    const reply = await respond(call, signal);
    if (!reply.ok) return reply;
    const status = reply.value.statusCode ?? 0;
    if (status >= 200 && status < 300) return reply;
    const text = await readText(reply.value, REFUSAL_LIMIT).catch(() => undefined);
    return err(refusal(text) ?? odd(because('answer_status', { call: nameOf(call), status })));
  }

  async function read(call: Call): Promise<Result<string, Failure>> {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(CALL_TIMEOUT)]);
    const reply = await succeed(call, signal);
    if (!reply.ok) return reply;
    try {
      const text = await readText(reply.value, REPLY_LIMIT);
      return text === undefined ? err(odd(because('answer_large'))) : ok(text);
    } catch (error) {
      return err(broken(error));
    }
  }

  return {
    async call(call, schema) {
      const text = await read(call);
      if (!text.ok) return text;
      const parsed = schema.safeParse(readJson(text.value));
      return parsed.success ? ok(parsed.data) : err(odd(because('answer_to_odd', { call: nameOf(call) })));
    },
    async callEmpty(call) {
      const text = await read(call);
      return text.ok ? ok(null) : text;
    },
    open: (call, signal) => succeed(call, AbortSignal.any([closing.signal, signal])),
    broken,
    odd,
    close() {
      closing.abort();
      kept.destroy();
      single.destroy();
    },
  };
}

/** For people: the method and the path, without what is asked. */
const nameOf = ({ method, path }: Call): string => `${method} ${path.split('?')[0] ?? ''}`;

function headersOf(body: Buffer | undefined, credential: string | undefined): OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
  };
}

/** The body as text; `undefined`, and the connection cut, once it grows past `limit` bytes. */
async function readText(response: IncomingMessage, limit: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `text` as JSON; `undefined` when it is none. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The failure in the body of a refused call. Its words go to terminals: control characters are taken out. */
function refusal(text: string | undefined): Failure | undefined {
  const parsed = errorBodySchema.safeParse(text === undefined ? undefined : readJson(text));
  if (!parsed.success) return undefined;
  const { code, message, field, params } = parsed.data.error;
  return {
    code,
    message: plainText(message),
    ...(field === undefined ? {} : { field: plainText(field) }),
    ...(params === undefined ? {} : { params }),
  };
}
