/**
 * The one contract between a user interface (window, command line) and main: calls and events, JSON values only.
 * The same value drives Electron's IPC, the web shell's WebSocket and the local socket of the command line. Every
 * input is parsed in main; every outcome is a `Reply`; nothing throws across the boundary.
 */
import { z } from 'zod';
import type { ShareLink } from '../domain/auth.ts';
import type { Failure } from '../domain/failure.ts';
import type { Because, Reason } from '../domain/reason.ts';
import type { AgentState, JoinPreview, Preferences } from './agent-state.ts';
import {
  authPatchSchema,
  displayNameSchema,
  type LogBatch,
  type LogPage,
  type LogStats,
  logQuerySchema,
  logStatsQuerySchema,
  type MadeShare,
  newShareSchema,
  restrictionsSchema,
  type ServiceView,
  servicePatchSchema,
} from './control-api.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { ExchangeDetail, ExchangePage, ExchangeSummary, InspectorNews } from './inspect.ts';

const port = z.int();

/** One step of installing the private CA. */
export interface TrustStep {
  /** What was touched, such as `System certificates` or `Chromium (NSS database)`. */
  readonly store: string;
  readonly outcome: 'installed' | 'already' | 'skipped' | 'failed';
  /** In words: what was done, or why not and what to do by hand. */
  readonly note: string;
  /** Both, to be said in another language than English. */
  readonly said?: { readonly store: Reason; readonly note: Because };
}

/** A time of day, `HH:MM`. */
const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'A time of day is written like 22:00.');

export const preferencesPatchSchema = z.strictObject({
  language: z.enum(['en', 'de']).nullable().optional(),
  startAtLogin: z.boolean().optional(),
  notifications: z.boolean().optional(),
  quiet: z.strictObject({ from: timeOfDay, to: timeOfDay }).nullable().optional(),
  checkForUpdates: z.boolean().optional(),
});
export type PreferencesPatch = z.output<typeof preferencesPatchSchema>;

/** Something that the user should hear of, wherever it looks. */
export interface Notice {
  /** Grows. */
  readonly id: number;
  readonly kind: 'offline' | 'back' | 'certificate' | 'visitor' | 'share' | 'window';
  readonly title: string;
  readonly body: string;
  /** The service that it is about. */
  readonly serviceId?: string;
}

/** Inputs of every call, by channel. Ranges are checked by the handlers, so that refusals carry their own code. */
export const CALLS = {
  'state:get': z.undefined(),
  /** Publishes a local port: allows the target on this laptop, then creates the service. */
  'services:publish': z.strictObject({
    /** 0 with type `unix`. */
    port,
    /** Type `unix`: the path of the socket. */
    host: z.string().max(253).optional(),
    /** How `host` is meant; this machine or another by its address or name when left out. */
    type: z.enum(['domain', 'subnet', 'unix']).optional(),
    /** Type `subnet`: the network that `host` lies in. */
    subnet: z.string().max(64).optional(),
    /** http, https: whether the server is spoken to in HTTP/2; an https one says so itself when this is left out. */
    http2: z.boolean().optional(),
    /** What the server speaks. `tls`: its own TLS, which the edge doesn't open. */
    protocol: z.enum(['http', 'https', 'tcp', 'tls', 'udp']).optional(),
    /** TCP, TLS, UDP: the edge's port to ask for. An ephemeral service gets another one when it is not to be had. */
    listenPort: port.optional(),
    /** TCP, TLS, UDP: such as `30s`. */
    idleTimeout: z.string().max(20).optional(),
    /** TCP, TLS: tell the server the visitor's address with a PROXY protocol header. */
    proxyProtocol: z.boolean().optional(),
    name: z.string().max(255).optional(),
    namePrefix: z.string().max(64).optional(),
    path: z.string().max(1024).optional(),
    source: z.enum(['permanent', 'ephemeral']).optional(),
    /** Who may come in. */
    auth: authPatchSchema.optional(),
    restrictions: restrictionsSchema.optional(),
  }),
  'services:setEnabled': z.strictObject({ id: z.string().max(64), enabled: z.boolean() }),
  'services:rename': z.strictObject({ id: z.string().max(64), name: z.string().max(255) }),
  /** Changes what `patch` names; targets that it puts on this laptop are allowed. Refusals name fields as `patch.…`. */
  'services:update': z.strictObject({ id: z.string().max(64), patch: servicePatchSchema }),
  /** Lets a service of another laptop (`guests` of the state) reach its targets on this one, or no more. */
  'services:allow': z.strictObject({ id: z.string().max(64), allowed: z.boolean() }),
  'services:remove': z.strictObject({ id: z.string().max(64) }),
  /** Keeps an ephemeral service alive. */
  'services:renew': z.strictObject({ id: z.string().max(64) }),
  /** Ends the sessions of all visitors of the service. */
  'services:signOut': z.strictObject({ id: z.string().max(64) }),
  /** Makes a share link. Its URL is in this reply and nowhere else. */
  'shares:create': z.strictObject({ serviceId: z.string().max(64), ...newShareSchema.shape }),
  /** Newest first; of one service or of all. Spent, expired and revoked ones too, for 30 days. */
  'shares:list': z.strictObject({ serviceId: z.string().max(64).optional() }),
  'shares:revoke': z.strictObject({ id: z.string().max(64) }),
  'log:query': logQuerySchema,
  /** What the charts of the access log show. */
  'log:stats': logStatsQuerySchema,
  'clipboard:write': z.strictObject({ text: z.string().max(10_000) }),
  /** Opens a URL of one of this laptop's services in the browser. */
  'link:open': z.strictObject({ url: z.string().max(2048) }),
  /** Installs the edge's private CA where the system and browsers look. */
  'trust:install': z.undefined(),
  'cluster:join': z.strictObject({
    url: z.string().max(2048),
    token: z.string().max(200),
    caPem: z.string().max(100_000).optional(),
    fingerprint: z.string().max(200).optional(),
    /** What people call this machine; its host name when left out. */
    name: displayNameSchema.optional(),
  }),
  'cluster:leave': z.undefined(),
  /** Looks at the edge that a join link (or the command with the same content) names, and sends it nothing. */
  'join:preview': z.strictObject({ link: z.string().max(4096) }),
  /** Looks at the edge of the pending link, for the first time or again. */
  'join:check': z.strictObject({ id: z.string().max(64) }),
  /** Joins the edge of the pending link, which must have been looked at. */
  'join:confirm': z.strictObject({ id: z.string().max(64), name: displayNameSchema.optional() }),
  'join:dismiss': z.strictObject({ id: z.string().max(64) }),
  /** Looks for what is broken between here and visitors; the steps show in the state as they go. */
  'connection:diagnose': z.undefined(),
  /** Shows the requests of a service in the inspector, or no more. Not kept over restarts. */
  'inspector:set': z.strictObject({ serviceId: z.string().max(64), enabled: z.boolean() }),
  /** Newest first; of one service or of all. */
  'inspector:list': z.strictObject({
    serviceId: z.string().max(64).optional(),
    /** Only those with a lower id. */
    before: z.int().optional(),
    limit: z.int().min(1).max(200),
  }),
  'inspector:get': z.strictObject({ id: z.int() }),
  'inspector:clear': z.strictObject({ serviceId: z.string().max(64).optional() }),
  /** Sends a request to its target again, with its real headers where `edit` left the masked ones as they were. */
  'inspector:replay': z.strictObject({
    id: z.int(),
    edit: z
      .strictObject({
        method: z.string().max(128).optional(),
        path: z.string().max(16_384).optional(),
        headers: z
          .array(z.strictObject({ name: z.string().max(256), value: z.string().max(16_384) }))
          .max(256)
          .optional(),
        /** Base64. */
        body: z.base64().max(180_000).optional(),
      })
      .optional(),
  }),
  /** Takes everything on this laptop offline until it is resumed, over restarts too. */
  'agent:pause': z.strictObject({ paused: z.boolean() }),
  /** Changes what `patch` names; `null` takes back what was chosen. */
  'preferences:set': preferencesPatchSchema,
  /** What helps whoever helps: versions, state, the last lines of the log; without secrets, as text. */
  'app:diagnostics': z.undefined(),
  /** Looks for a newer version now; what comes of it shows in the state. Nothing happens while one is downloaded. */
  'update:look': z.undefined(),
  /** Downloads the newer version, or, once that is done, starts it; what goes offline meanwhile is the caller's to say. */
  'update:install': z.undefined(),
  'app:quit': z.undefined(),
} as const;

export type Channel = keyof typeof CALLS;
export type Input<C extends Channel> = z.input<(typeof CALLS)[C]>;

/** What each call yields. */
export interface Outputs {
  'state:get': AgentState;
  'services:publish': ServiceView;
  'services:setEnabled': ServiceView;
  'services:rename': ServiceView;
  'services:update': ServiceView;
  'services:allow': null;
  'services:remove': null;
  'services:renew': ServiceView;
  'services:signOut': ServiceView;
  'shares:create': MadeShare;
  'shares:list': readonly ShareLink[];
  'shares:revoke': ShareLink;
  'log:query': LogPage;
  'log:stats': LogStats;
  'clipboard:write': null;
  'link:open': null;
  'trust:install': { readonly trusted: boolean; readonly steps: readonly TrustStep[] };
  'cluster:join': { readonly domain: string; readonly agentId: string };
  'cluster:leave': null;
  'join:preview': JoinPreview;
  'join:check': JoinPreview;
  'join:confirm': { readonly domain: string; readonly agentId: string };
  'join:dismiss': null;
  'connection:diagnose': Diagnosis;
  'inspector:set': null;
  'inspector:list': ExchangePage;
  'inspector:get': ExchangeDetail;
  'inspector:clear': null;
  'inspector:replay': ExchangeSummary;
  'agent:pause': null;
  'preferences:set': Preferences;
  'app:diagnostics': { readonly text: string };
  'update:look': null;
  'update:install': null;
  'app:quit': null;
}

/** What main pushes. */
export interface Events {
  /** The whole snapshot, after every change, at most one per 50 ms. */
  state: AgentState;
  /** New lines of the access log. */
  log: LogBatch;
  /** What the user should hear of; the host shows it too, where it can. */
  notice: Notice;
  /** What passes the services that are inspected. */
  inspector: InspectorNews;
}
export type EventName = keyof Events;

export const CHANNELS = Object.keys(CALLS) as readonly Channel[];
export const EVENT_NAMES = ['state', 'log', 'notice', 'inspector'] as const satisfies readonly EventName[];

export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Failure };

/** What a user interface holds: the preload puts it on `window.porthole`, the web client builds it over a socket. */
export interface PortholeApi {
  call<C extends Channel>(channel: C, input: Input<C>): Promise<Reply<Outputs[C]>>;
  /** Subscribes; the return value unsubscribes. */
  on<E extends EventName>(event: E, listener: (value: Events[E]) => void): () => void;
}
