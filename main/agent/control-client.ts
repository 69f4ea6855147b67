import { z } from 'zod';
import {
  type ClusterInfo,
  clusterInfoSchema,
  type JoinReply,
  joinReplySchema,
  type LogBatch,
  type LogPage,
  type LogQuery,
  type LogStats,
  type LogStatsQuery,
  logLineSchema,
  logPageSchema,
  logStatsSchema,
  type MadeShare,
  madeShareSchema,
  type NewService,
  type NewShare,
  type ServicePatch,
  type ServiceView,
  serviceViewSchema,
  shareLinkSchema,
  type TargetReports,
  type WatchEvent,
  watchEventSchema,
} from '../../shared/contract/control-api.ts';
import type { ShareLink } from '../../shared/domain/auth.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import { createRequester, REPLY_LIMIT, type Requester, readJson } from './control-request.ts';
import type { EdgeAddress, EdgeTrust } from './edge-address.ts';
import { createEdgeDialler, type EdgeDialler } from './edge-dialler.ts';
import { createLineReader } from './ndjson.ts';
import { directly, type FindWay } from './proxy-choice.ts';

/** The edge sends a ping after 10 s; a stream that was silent for this many milliseconds is dead. */
export const STREAM_SILENCE = 25_000;

type Outcome<T> = Promise<Result<T, Failure>>;

export interface StreamHandlers<T> {
  /** The edge has accepted the stream. */
  readonly onOpen?: () => void;
  readonly onEvent: (event: T) => void;
}

/**
 * The control API of one edge as calls. Nothing throws: failures are `edge_unreachable` (with the reason in words),
 * `edge_untrusted`, `edge_incompatible`, `edge_odd`, `proxy_invalid`, `proxy_failed`, or what the edge itself refused
 * with.
 */
export interface ControlClient {
  /** Trades a join token for a credential; `name` is what people call this machine. */
  join(token: string, name: string): Outcome<JoinReply>;
  cluster(): Outcome<ClusterInfo>;
  leave(): Outcome<null>;
  services(): Outcome<ServiceView[]>;
  createService(service: NewService): Outcome<ServiceView>;
  updateService(id: string, patch: ServicePatch): Outcome<ServiceView>;
  removeService(id: string): Outcome<null>;
  renewService(id: string): Outcome<ServiceView>;
  /** Ends every visitor's session. */
  signOut(id: string): Outcome<ServiceView>;
  createShare(serviceId: string, share: NewShare): Outcome<MadeShare>;
  /** Of one service or of all, newest first. */
  shares(serviceId?: string): Outcome<ShareLink[]>;
  revokeShare(id: string): Outcome<ShareLink>;
  putTargets(reports: TargetReports): Outcome<null>;
  logs(query: LogQuery): Outcome<LogPage>;
  logStats(query: LogStatsQuery): Outcome<LogStats>;
  /** Follows services and cluster facts. Resolves when the stream is over: with why, or `undefined` after `signal`. */
  watch(handlers: StreamHandlers<WatchEvent>, signal: AbortSignal): Promise<Failure | undefined>;
  /** Follows the access log; resolves as `watch` does. */
  tailLogs(handlers: StreamHandlers<LogBatch>, signal: AbortSignal): Promise<Failure | undefined>;
  /** Ends every call and stream under way. Idempotent. */
  close(): void;
}

export interface ControlClientOptions {
  readonly address: EdgeAddress;
  readonly trust: EdgeTrust;
  /** The agent's credential (`pha_…`); joining needs none. */
  readonly credential?: string;
  /** Shares a dialler, and with it a resolved fingerprint, with the tunnel. */
  readonly dialler?: EdgeDialler;
  /** For a dialler of its own. */
  readonly findWay?: FindWay | undefined;
}

/** A client for the edge at `address`. Makes no connection before the first call. */
export function createControlClient(options: ControlClientOptions): ControlClient {
  const { findWay = directly } = options;
  const dialler = options.dialler ?? createEdgeDialler(options.address, options.trust, { findWay });
  const requester = createRequester(options.address, dialler, options.credential);
  const { call, callEmpty } = requester;
  const at = (id: string): string => `/services/${encodeURIComponent(id)}`;
  return {
    join: (token, name) =>
      call({ method: 'POST', path: '/join', body: { token, name }, repeatable: false }, joinReplySchema),
    cluster: () => call({ method: 'GET', path: '/cluster', repeatable: true }, clusterInfoSchema),
    leave: () => callEmpty({ method: 'DELETE', path: '/agents/self', repeatable: true }),
    services: () => call({ method: 'GET', path: '/services', repeatable: true }, z.array(serviceViewSchema)),
    createService: (body) => call({ method: 'POST', path: '/services', body, repeatable: false }, serviceViewSchema),
    updateService: (id, body) => call({ method: 'PATCH', path: at(id), body, repeatable: true }, serviceViewSchema),
    removeService: (id) => callEmpty({ method: 'DELETE', path: at(id), repeatable: true }),
    renewService: (id) => call({ method: 'POST', path: `${at(id)}/renew`, repeatable: true }, serviceViewSchema),
    signOut: (id) => call({ method: 'POST', path: `${at(id)}/sign-out`, repeatable: true }, serviceViewSchema),
    createShare: (id, body) =>
      call({ method: 'POST', path: `${at(id)}/shares`, body, repeatable: false }, madeShareSchema),
    shares: (serviceId) =>
      call(
        {
          method: 'GET',
          path: serviceId === undefined ? '/shares' : `/shares?service=${encodeURIComponent(serviceId)}`,
          repeatable: true,
        },
        z.array(shareLinkSchema),
      ),
    revokeShare: (id) =>
      call({ method: 'DELETE', path: `/shares/${encodeURIComponent(id)}`, repeatable: true }, shareLinkSchema),
    putTargets: (body) => callEmpty({ method: 'PUT', path: '/targets', body, repeatable: true }),
    logs: (query) => call({ method: 'GET', path: `/logs${queryOf(query)}`, repeatable: true }, logPageSchema),
    logStats: (query) =>
      call({ method: 'GET', path: `/logs/stats${queryOf(query)}`, repeatable: true }, logStatsSchema),
    watch: (handlers, signal) => follow(requester, '/watch', watchEventSchema, handlers, signal),
    tailLogs: (handlers, signal) =>
      follow(
        requester,
        '/logs/tail',
        logLineSchema,
        { ...handlers, onEvent: (line) => (line.type === 'records' ? handlers.onEvent(line) : undefined) },
        signal,
      ),
    close: () => requester.close(),
  };
}

function queryOf(query: LogQuery | LogStatsQuery): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) params.append(key, String(item));
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** Reads one NDJSON stream until it ends, breaks, turns odd or falls silent. */
async function follow<T>(
  requester: Requester,
  path: string,
  schema: z.ZodType<T>,
  handlers: StreamHandlers<T>,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), STREAM_SILENCE);
  const given = AbortSignal.any([signal, silence.signal]);
  try {
    const opened = await requester.open({ method: 'GET', path, repeatable: true }, given);
    if (!opened.ok) return signal.aborted ? undefined : opened.error;
    handlers.onOpen?.();
    const lines = createLineReader(REPLY_LIMIT);
    for (const chunks = chunksOf(opened.value); ; ) {
      const chunk = await chunks.next().catch((error: unknown) => requester.broken(error));
      if (signal.aborted) return undefined;
      if (silence.signal.aborted) return requester.broken({ code: 'ETIMEDOUT' });
      if ('code' in chunk) return chunk;
      if (chunk.done === true) return requester.broken({ code: 'ECONNRESET' });
      timer.refresh();
      const events = parseLines(schema, lines(chunk.value));
      if (events === undefined) return requester.odd(`a line of ${path} is not understood`);
      for (const event of events) handlers.onEvent(event);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

const chunksOf = (response: AsyncIterable<Buffer>): AsyncIterator<Buffer> => response[Symbol.asyncIterator]();

/** The events that `lines` hold; `undefined` when one was too long or isn't an event. */
function parseLines<T>(schema: z.ZodType<T>, lines: readonly string[] | undefined): T[] | undefined {
  if (lines === undefined) return undefined;
  const events: T[] = [];
  for (const line of lines) {
    const parsed = schema.safeParse(readJson(line));
    if (!parsed.success) return undefined;
    events.push(parsed.data);
  }
  return events;
}
