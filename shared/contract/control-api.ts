/**
 * The control API between agents and an edge, version 1: JSON over HTTPS on the cluster's own name, at
 * `https://<cluster domain>[:port]/api/v1/…`. Agents authenticate with `Authorization: Bearer pha_…`.
 * Refusals are `{"error": Failure}` with the status of the failure registry. Unknown keys are refused.
 *
 *   POST   /join                  JoinRequest → JoinReply            (the join token is the credential)
 *   GET    /about                 → EdgeAbout                        (for everybody: what a join link shows before a yes)
 *   GET    /cluster               → ClusterInfo
 *   DELETE /agents/self           leave: the credential, its services and tunnels end
 *   GET    /services              → ServiceView[]                    (those of this agent)
 *   POST   /services              NewService → ServiceView
 *   PATCH  /services/:id          ServicePatch → ServiceView
 *   DELETE /services/:id          → 204
 *   POST   /services/:id/renew    → ServiceView                      (ephemeral only)
 *   POST   /services/:id/sign-out → ServiceView                      (every visitor's session ends)
 *   POST   /services/:id/shares   NewShare → MadeShare               (the only answer that holds the link's token)
 *   GET    /shares                → ShareLink[]                      (of all services of this agent; ?service=ID of one)
 *   DELETE /shares/:id            → ShareLink                        (revokes it; sessions that it opened end)
 *   PUT    /targets               TargetReports → 204                (what the agent knows of its targets)
 *   GET    /watch                 → WatchEvent a line (NDJSON), for as long as the connection lives
 *   GET    /logs                  LogQuery → LogPage
 *   GET    /logs/stats            LogStatsQuery → LogStats
 *   GET    /logs/tail             → LogBatch a line (NDJSON), for as long as the connection lives
 *
 * Streams send a line `{"type":"ping"}` after 10 s of silence, so that a dead link shows.
 */
import { z } from 'zod';
import type { AccessRecord } from '../domain/access-record.ts';
import { HEADER_RULES, type ServiceAuth, type ShareLink } from '../domain/auth.ts';
import { isDisplayName } from '../domain/display-name.ts';
import { parseDuration } from '../domain/duration.ts';
import type { Explanation, Failure, FailureCode } from '../domain/failure.ts';
import { isFailureCode } from '../domain/failure.ts';
import { readExplanation, readParams } from '../domain/failure-params.ts';
import type { Restrictions } from '../domain/restrictions.ts';
import type { Service, Target } from '../domain/service.ts';

export const API_PREFIX = '/api/v1';
/** ALPN of the tunnel on the edge's main port. The number is the wire protocol's major version. */
export const TUNNEL_ALPN = 'porthole/1';

const id = z.string().min(1).max(64);
const port = z.int().min(1).max(65535);

/** A name that people are shown. */
export const displayNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .refine(isDisplayName, 'A name holds no control characters and none that change the writing direction.');

const targetType = z.enum(['agent', 'host', 'domain', 'subnet', 'unix']);
/** 0 goes with type `unix` only; `edge/control/target-rules.ts` sees to it. */
const targetPort = z.int().min(0).max(65535);
const originProtocol = z.enum(['http', 'https', 'tcp', 'udp']);
/** Said of what is neither milliseconds nor a duration. */
const A_TIME = 'A time is written like 30s or 2m.';
const connectTimeout = z.int(A_TIME).min(100, 'At least 100ms.').max(120_000, 'At most 2m.');
const idleTimeout = z.int(A_TIME).min(1_000, 'At least 1s.').max(86_400_000, 'At most 24h.');
const responseTimeout = z.int(A_TIME).min(100, 'At least 100ms.').max(86_400_000, 'At most 24h.');
const pathRewrite = z.enum(['strip', 'preserve']);
/** What a header may be is said by `shared/domain/custom-headers.ts`, in words. */
const customHeaders = z
  .array(z.strictObject({ name: z.string().max(1024), value: z.string().max(16_384) }).readonly())
  .max(64)
  .readonly();
const subnet = z.string().min(1).max(64);

/** Milliseconds, as a number or as people write it: `30s`, `2m`. */
const duration = (of: z.ZodType<number, number>) =>
  z
    .union([
      z.number(),
      z
        .string()
        .max(20)
        .transform((text) => parseDuration(text) ?? Number.NaN),
    ])
    .pipe(of);

export const targetSchema = z.strictObject({
  id,
  agentId: id,
  type: targetType,
  host: z.string().min(1).max(253),
  port: targetPort,
  protocol: originProtocol,
  path: z.string().min(1).max(1024).startsWith('/'),
  enabled: z.boolean(),
  skipTlsVerify: z.boolean(),
  connectTimeout,
  subnet: subnet.exactOptional(),
  idleTimeout: idleTimeout.exactOptional(),
  proxyProtocol: z.boolean().exactOptional(),
  pathRewrite: pathRewrite.exactOptional(),
  responseTimeout: responseTimeout.exactOptional(),
  customHeaders: customHeaders.exactOptional(),
  http2: z.boolean().exactOptional(),
}) satisfies z.ZodType<Target>;

/** A target as a client names it; the edge adds the id. */
export const newTargetSchema = z
  .strictObject({
    /** Another laptop of the cluster, by id or name; the caller when left out. That laptop has to allow the target. */
    agentId: z.string().trim().min(1).max(255).optional(),
    type: targetType.default('agent'),
    /** Type `unix`: the socket's path, with port 0. */
    host: z.string().min(1).max(253).default('localhost'),
    port: targetPort,
    /** Follows from the service's mode where that isn't `http`. */
    protocol: originProtocol.default('http'),
    path: z.string().min(1).max(1024).startsWith('/').default('/'),
    enabled: z.boolean().default(true),
    skipTlsVerify: z.boolean().optional(),
    connectTimeout: duration(connectTimeout).optional(),
    /** Type `subnet`: the network that `host` lies in. */
    subnet: subnet.optional(),
    /** TCP, TLS and UDP services. */
    idleTimeout: duration(idleTimeout).optional(),
    /** TCP and TLS services. */
    proxyProtocol: z.boolean().optional(),
    /** HTTP services, as is all that follows. `strip` when left out. */
    pathRewrite: pathRewrite.optional(),
    responseTimeout: duration(responseTimeout).optional(),
    customHeaders: customHeaders.optional(),
    /** Speak HTTP/2 to it; see `Target`. */
    http2: z.boolean().optional(),
  })
  .refine(({ type, port }) => (type === 'unix') === (port === 0), {
    path: ['port'],
    message: 'A port is a whole number from 1 to 65535; a Unix socket has none, which is written 0.',
  });
export type NewTarget = z.input<typeof newTargetSchema>;

/** What is to change in one target; what is not named stays. `null` takes back what was set. */
export const targetPatchSchema = z.strictObject({
  id,
  agentId: z.string().trim().min(1).max(255).optional(),
  type: targetType.optional(),
  host: z.string().min(1).max(253).optional(),
  port: targetPort.optional(),
  protocol: originProtocol.optional(),
  path: z.string().min(1).max(1024).startsWith('/').optional(),
  enabled: z.boolean().optional(),
  skipTlsVerify: z.boolean().optional(),
  connectTimeout: duration(connectTimeout).nullable().optional(),
  subnet: subnet.nullable().optional(),
  idleTimeout: duration(idleTimeout).nullable().optional(),
  proxyProtocol: z.boolean().optional(),
  pathRewrite: pathRewrite.optional(),
  responseTimeout: duration(responseTimeout).nullable().optional(),
  customHeaders: customHeaders.optional(),
  http2: z.boolean().nullable().optional(),
});
export type TargetPatch = z.input<typeof targetPatchSchema>;

const group = z.string().min(1).max(255);
const headerKind = z.enum(['basic', 'bearer', 'custom']);

/** What everybody may know of a service's methods; see `shared/domain/auth.ts`. */
export const serviceAuthSchema = z.strictObject({
  password: z.literal(true).exactOptional(),
  pin: z.literal(true).exactOptional(),
  headers: z
    .array(
      z
        .strictObject({
          id,
          kind: headerKind,
          name: z.string().min(1).max(128),
          user: z.string().max(255).exactOptional(),
        })
        .readonly(),
    )
    .max(HEADER_RULES)
    .readonly()
    .exactOptional(),
  sso: z
    .strictObject({ provider: id, groups: z.array(group).max(100).readonly() })
    .readonly()
    .exactOptional(),
  link: z.literal(true).exactOptional(),
}) satisfies z.ZodType<ServiceAuth>;

/** A header rule as it is set. One with an `id` alone stays as it is. */
const headerInput = z.union([
  z.strictObject({ id }),
  z.strictObject({ kind: z.literal('basic'), user: z.string().max(255), password: z.string().max(1024) }),
  z.strictObject({ kind: z.literal('bearer'), token: z.string().max(4096) }),
  z.strictObject({ kind: z.literal('custom'), name: z.string().max(128), value: z.string().max(4096) }),
]);

/**
 * What is to change in a service's methods; what is not named stays, `null` switches off. Secrets go in here and never
 * come out again. What may be a PIN, a password, a header is said by the edge, in words.
 */
export const authPatchSchema = z.strictObject({
  password: z.string().max(4096).nullable().optional(),
  pin: z.string().max(64).nullable().optional(),
  /** All of them anew. */
  headers: z.array(headerInput).max(64).nullable().optional(),
  /** The cluster's first provider unless one is named. */
  sso: z
    .strictObject({ provider: id.optional(), groups: z.array(group).max(1000).optional() })
    .nullable()
    .optional(),
  link: z.boolean().optional(),
});
export type AuthPatch = z.input<typeof authPatchSchema>;

const cidrList = z.array(z.string().max(64)).max(1000).readonly();
const countryList = z.array(z.string().max(16)).max(1000).readonly();
/** Bounds and spelling are checked by the edge, so that refusals name the entry and the right form. */
export const restrictionsSchema = z.strictObject({
  allowCidrs: cidrList.exactOptional(),
  blockCidrs: cidrList.exactOptional(),
  allowCountries: countryList.exactOptional(),
  blockCountries: countryList.exactOptional(),
  allowMatch: z.enum(['all', 'any']).exactOptional(),
  crowdsec: z.enum(['off', 'enforce', 'observe']).exactOptional(),
}) satisfies z.ZodType<Restrictions>;

export const shareLinkSchema = z.strictObject({
  id,
  serviceId: id,
  label: z.string().max(255).exactOptional(),
  createdAt: z.number(),
  expiresAt: z.number(),
  maxUses: z.int().min(1).exactOptional(),
  uses: z.int().min(0),
  lastUsedAt: z.number().exactOptional(),
  revokedAt: z.number().exactOptional(),
}) satisfies z.ZodType<ShareLink>;

export const newShareSchema = z.strictObject({
  /** How long it lives: milliseconds or `2h`; 24 hours when left out. */
  expires: duration(z.number('A time is written like 30m, 2h or 7d.').min(60_000, 'At least 1m.')).optional(),
  uses: z.int().min(1).max(1_000_000).optional(),
  label: displayNameSchema.optional(),
});
export type NewShare = z.input<typeof newShareSchema>;
/** The link itself, `url`, is shown once. */
export const madeShareSchema = z.strictObject({ share: shareLinkSchema, url: z.string() });
export type MadeShare = z.output<typeof madeShareSchema>;

const serviceMode = z.enum(['http', 'tcp', 'tls', 'udp']);

const serviceShape = {
  id,
  name: z.string().min(1).max(255),
  mode: serviceMode,
  domain: z.string().min(1).max(253),
  targets: z.array(targetSchema).min(1).max(64),
  listenPort: port.exactOptional(),
  enabled: z.boolean(),
  passHostHeader: z.boolean(),
  rewriteRedirects: z.boolean().exactOptional(),
  auth: serviceAuthSchema.exactOptional(),
  restrictions: restrictionsSchema.exactOptional(),
  source: z.enum(['permanent', 'ephemeral']),
  ownerId: id,
  createdAt: z.number(),
  expiresAt: z.number().exactOptional(),
};
export const serviceSchema = z.strictObject(serviceShape) satisfies z.ZodType<Service>;

/** Where visitors find a service. */
export const serviceUrlsSchema = z.union([
  /** HTTP: `https` always; `http` too on an embedded edge. */
  z.strictObject({ https: z.string(), http: z.string().exactOptional() }),
  /** The other modes: `tcp://HOST:PORT`, `tls://HOST:PORT`, `udp://HOST:PORT`. */
  z.strictObject({ direct: z.string() }),
]);
export type ServiceUrls = z.output<typeof serviceUrlsSchema>;

/** A service as clients see it: with its derived status and its public URLs, best first. */
export const serviceViewSchema = z
  .strictObject({
    ...serviceShape,
    status: z.enum([
      'pending',
      'certificate_pending',
      'active',
      'tunnel_not_created',
      'certificate_failed',
      'error',
      'disabled',
    ]),
    /** In English. */
    statusReason: z.string().exactOptional(),
    /** The same, to be said in another language. */
    statusWhy: z.unknown().optional(),
    urls: serviceUrlsSchema,
    /** Of the change that wrote it last: of two views, the one with the greater is the newer. */
    revision: z.int().min(0).exactOptional(),
    /** Share links that can still be opened; left out when there are none. */
    shares: z.int().min(0).exactOptional(),
  })
  .transform(({ statusWhy, ...rest }): typeof rest & { statusWhy?: Explanation } => {
    const why = readExplanation(statusWhy);
    return why === undefined ? rest : { ...rest, statusWhy: why };
  });
export type ServiceView = z.output<typeof serviceViewSchema>;

export const newServiceSchema = z.strictObject({
  /** `http` when left out; stays as it is. */
  mode: serviceMode.optional(),
  /** TCP, TLS, UDP: the edge's port; assigned when left out, except that TLS then uses the main port. */
  listenPort: port.optional(),
  /** Assign another port when `listenPort` is not to be had, instead of refusing. */
  portFallback: z.boolean().optional(),
  /** Display name; the domain's first label when left out. */
  name: displayNameSchema.optional(),
  /** A label under the cluster's domain; random when neither it nor `namePrefix` is given. */
  subdomain: z.string().max(253).optional(),
  namePrefix: z.string().max(64).optional(),
  targets: z.array(newTargetSchema).min(1).max(64),
  enabled: z.boolean().default(true),
  passHostHeader: z.boolean().default(false),
  rewriteRedirects: z.boolean().optional(),
  /** HTTP services. */
  auth: authPatchSchema.optional(),
  restrictions: restrictionsSchema.optional(),
  source: z.enum(['permanent', 'ephemeral']).default('permanent'),
});
export type NewService = z.input<typeof newServiceSchema>;

export const servicePatchSchema = z.strictObject({
  name: displayNameSchema.optional(),
  subdomain: z.string().max(253).optional(),
  /** All targets anew. Those that are as before keep their ids. */
  targets: z.array(newTargetSchema).min(1).max(64).optional(),
  /** Or single ones, so that changes from two places don't undo each other. */
  addTargets: z.array(newTargetSchema).min(1).max(64).optional(),
  changeTargets: z.array(targetPatchSchema).min(1).max(64).optional(),
  removeTargets: z.array(id).min(1).max(64).optional(),
  /** Left out, the port stays. */
  listenPort: port.optional(),
  enabled: z.boolean().optional(),
  passHostHeader: z.boolean().optional(),
  rewriteRedirects: z.boolean().optional(),
  auth: authPatchSchema.optional(),
  /** All of them anew; `null` lifts them. */
  restrictions: restrictionsSchema.nullable().optional(),
});
export type ServicePatch = z.input<typeof servicePatchSchema>;

export const clusterInfoSchema = z.strictObject({
  domain: z.string(),
  /** Version of the Porthole that answers. */
  version: z.string(),
  nodeId: z.string(),
  /** Embedded edges serve plain HTTP too, for names under `localhost` only. */
  embedded: z.boolean(),
  httpsPort: port,
  httpPort: port.exactOptional(),
  /** SHA-256 of the certificate authority (private CA) or leaf, lower-case hex; what a join link carries. */
  fingerprint: z.string(),
  /** The private CA in PEM, when the edge uses one. */
  caPem: z.string().exactOptional(),
  /** Where visitors can sign in; left out when there is none. */
  providers: z.array(z.strictObject({ id, name: z.string().max(255) })).exactOptional(),
  /** Who runs it, in the operator's own words. */
  operator: z.string().min(1).max(100).exactOptional(),
});
export type ClusterInfo = z.output<typeof clusterInfoSchema>;

/** What an edge says about itself to whoever asks, so that people see where they are about to join. */
export const edgeAboutSchema = z.object({
  domain: z.string().min(1).max(253).refine(isDisplayName),
  version: z.string().min(1).max(100).refine(isDisplayName),
  operator: z.string().min(1).max(100).refine(isDisplayName).exactOptional(),
});
export type EdgeAbout = z.output<typeof edgeAboutSchema>;

export const joinRequestSchema = z.strictObject({
  token: z.string().max(200),
  /** What people call this machine. */
  name: displayNameSchema,
});
export const joinReplySchema = z.strictObject({
  agentId: id,
  /** The agent's credential (`pha_…`): shown once, stored hashed. */
  credential: z.string(),
  cluster: clusterInfoSchema,
});
export type JoinReply = z.output<typeof joinReplySchema>;

export const targetReportsSchema = z.strictObject({
  /** All of this agent's targets with a problem; targets not named have none. */
  problems: z
    .array(
      z.strictObject({
        targetId: id,
        problem: z.enum([
          'origin_refused',
          'origin_unresolved',
          'origin_untrusted',
          'origin_timeout',
          'origin_not_allowed',
        ]),
      }),
    )
    .max(10_000),
});
export type TargetReports = z.output<typeof targetReportsSchema>;

/** A service of another laptop of the cluster with targets on this one, which this one's user may allow. */
export const guestServiceSchema = z.strictObject({
  id,
  name: z.string().min(1).max(255),
  domain: z.string().min(1).max(253),
  ownerId: id,
  /** What people call the laptop that owns it. */
  ownerName: z.string(),
  /** Those on this laptop; headers that they get are left out. */
  targets: z.array(targetSchema),
});
export type GuestService = z.output<typeof guestServiceSchema>;

export const watchEventSchema = z.discriminatedUnion('type', [
  /** First line, and again whenever the cluster's facts change. */
  z.strictObject({ type: z.literal('cluster'), cluster: clusterInfoSchema }),
  /** Every service of this agent, after each change of a service or a status; at most one per 50 ms. */
  z.strictObject({
    type: z.literal('services'),
    revision: z.number(),
    services: z.array(serviceViewSchema),
    /** Left out when there are none; the oldest ones when there are very many. */
    guests: z.array(guestServiceSchema).exactOptional(),
  }),
  z.strictObject({ type: z.literal('ping') }),
]);
export type WatchEvent = z.output<typeof watchEventSchema>;

const failureCode = z.custom<FailureCode>((value) => typeof value === 'string' && isFailureCode(value));

/** Another version may fill its sentences with what we don't know: then the failure has its message alone. */
export const failureSchema = z
  .object({ code: failureCode, message: z.string(), field: z.string().exactOptional(), params: z.unknown().optional() })
  .transform(({ params, ...rest }): Failure => {
    const known = readParams(params);
    return known === undefined ? rest : { ...rest, params: known };
  });
/** The body of every refused call. */
export const errorBodySchema = z.object({ error: failureSchema });

export const accessRecordSchema = z.strictObject({
  id: z.string(),
  time: z.number(),
  kind: z.enum(['request', 'open', 'close', 'connection']),
  serviceId: z.string().exactOptional(),
  agentId: z.string().exactOptional(),
  nodeId: z.string(),
  protocol: z.enum(['http/1.0', 'http/1.1', 'http/2', 'tcp', 'tls', 'udp']),
  secure: z.boolean(),
  method: z.string(),
  host: z.string(),
  path: z.string(),
  status: z.number(),
  duration: z.number(),
  firstByte: z.number().exactOptional(),
  edge: z.number().exactOptional(),
  tunnel: z.number().exactOptional(),
  origin: z.number().exactOptional(),
  bytesUp: z.number(),
  bytesDown: z.number(),
  address: z.string(),
  userAgent: z.string().exactOptional(),
  failure: failureCode.exactOptional(),
  country: z.string().max(2).exactOptional(),
  auth: z.enum(['password', 'pin', 'header', 'sso', 'share']).exactOptional(),
  user: z.string().exactOptional(),
  observed: failureCode.exactOptional(),
  reason: z.string().exactOptional(),
}) satisfies z.ZodType<AccessRecord>;

export const logQuerySchema = z.strictObject({
  /** Service ids; all of the agent's when left out. */
  service: z.union([id, z.array(id).max(100)]).optional(),
  /** Text found in path, host, address or user agent, case-insensitive. */
  text: z.string().max(200).optional(),
  method: z.string().max(32).optional(),
  /** An exact status (`404`) or a class (`4xx`). */
  status: z
    .string()
    .regex(/^(?:[0-9]{1,3}|[1-5]xx)$/)
    .optional(),
  path: z.string().max(1024).optional(),
  address: z.string().max(64).optional(),
  country: z.string().max(2).optional(),
  user: z.string().max(255).optional(),
  /** A method that let in (`pin`), or the code of a denial (`ip_restricted`). */
  auth: z.string().max(64).optional(),
  since: z.coerce.number().optional(),
  until: z.coerce.number().optional(),
  /** Where the page before ended. */
  cursor: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type LogQuery = z.input<typeof logQuerySchema>;

/** Newest first. */
export const logPageSchema = z.strictObject({
  records: z.array(accessRecordSchema),
  cursor: z.string().exactOptional(),
});
export type LogPage = z.output<typeof logPageSchema>;

export const logStatsQuerySchema = z
  .strictObject({
    /** Service ids; all of the agent's when left out. */
    service: logQuerySchema.shape.service,
    /** Milliseconds since the epoch; `until` is now when left out. */
    since: z.coerce.number().min(0),
    until: z.coerce.number().min(0).optional(),
  })
  .refine(({ since, until }) => until === undefined || since < until, {
    path: ['until'],
    message: 'The time ends before it begins.',
  });
export type LogStatsQuery = z.input<typeof logStatsQuerySchema>;

/** What began within one stretch of time. */
export const logPointSchema = z.strictObject({
  /** Where the stretch begins, milliseconds since the epoch. */
  time: z.number(),
  /** Requests, upgraded connections, and connections and sessions of the other services. */
  requests: z.number(),
  /** Statuses 1xx and 2xx, 3xx, 4xx, 5xx; what has none (no answer was sent, or none is known here) is in no class. */
  ok: z.number(),
  redirect: z.number(),
  clientError: z.number(),
  serverError: z.number(),
  /** Milliseconds that a request took, true to 5 in a hundred; left out where there was none. */
  p50: z.number().exactOptional(),
  p95: z.number().exactOptional(),
  bytesUp: z.number(),
  bytesDown: z.number(),
});
export type LogPoint = z.output<typeof logPointSchema>;

/** At most 120 points, oldest first, without a gap between them. */
export const logStatsSchema = z.strictObject({
  /** Milliseconds from one point to the next. */
  bucket: z.number(),
  until: z.number(),
  points: z.array(logPointSchema).max(120),
  /** There was too much to look at: what was before this time is not counted. */
  countedFrom: z.number().exactOptional(),
});
export type LogStats = z.output<typeof logStatsSchema>;

/** Oldest first; `dropped` counts records that could not be kept since the batch before. */
export const logBatchSchema = z.strictObject({
  type: z.literal('records'),
  records: z.array(accessRecordSchema),
  dropped: z.number(),
});
export const logLineSchema = z.discriminatedUnion('type', [
  logBatchSchema,
  z.strictObject({ type: z.literal('ping') }),
]);
export type LogBatch = z.output<typeof logBatchSchema>;
