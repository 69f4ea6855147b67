import type { ServiceAuth } from './auth.ts';
import { type Failure, failure } from './failure.ts';
import { isLabel } from './hostname.ts';
import { type Because, because } from './reason.ts';
import type { Restrictions } from './restrictions.ts';
import { err, ok, type Result } from './result.ts';

/** How a service carries its visitors: requests, connections, TLS connections unopened, datagrams. */
export type ServiceMode = 'http' | DirectMode;
/** Modes that carry bytes as they are. */
export type DirectMode = 'tcp' | 'tls' | 'udp';
/** What the origin speaks. `https` origins are dialled with TLS by the agent; `tcp` is what a TLS service's is too. */
export type OriginProtocol = 'http' | 'https' | 'tcp' | 'udp';
/** `permanent` services stay until removed; `ephemeral` ones live as long as they are renewed. */
export type ServiceSource = 'permanent' | 'ephemeral';

/**
 * Where an agent finds a target. `agent`: on its own machine (loopback). `host`: at an address that it can reach.
 * `domain`: under a name that it resolves. `subnet`: at an address inside a network that was allowed as a whole.
 * `unix`: at a Unix socket on its own machine.
 */
export type TargetType = 'agent' | 'host' | 'domain' | 'subnet' | 'unix';

/** A field that the edge adds to every request for a target, in place of the visitor's of the same name. */
export interface CustomHeader {
  readonly name: string;
  readonly value: string;
}

/** What becomes of a target's path prefix on the way to the origin. */
export type PathRewrite = 'strip' | 'preserve';

/** Where a service's traffic goes: a port that an agent can reach. */
export interface Target {
  readonly id: string;
  readonly agentId: string;
  readonly type: TargetType;
  /** A hostname or address without brackets; for type `agent` always `localhost`, for type `unix` the socket's path. */
  readonly host: string;
  /** 0 for type `unix`, which has none. */
  readonly port: number;
  readonly protocol: OriginProtocol;
  /** Path prefix that this target takes, on segment boundaries; starts with `/`. */
  readonly path: string;
  readonly enabled: boolean;
  /** Do not verify an https origin's certificate. */
  readonly skipTlsVerify: boolean;
  /** Milliseconds until a dial counts as failed. */
  readonly connectTimeout: number;
  /** Type `subnet` only: the network, such as `10.0.0.0/24`, that `host` lies in. */
  readonly subnet?: string;
  /** TCP, TLS and UDP: milliseconds of silence after which a connection or session ends; see `idleTimeoutOf`. */
  readonly idleTimeout?: number;
  /** TCP and TLS: tell the origin the visitor's address with a PROXY protocol (v2) header. */
  readonly proxyProtocol?: boolean;
  /** HTTP: whether `path` is cut off on the way to the origin; `strip` when left out. */
  readonly pathRewrite?: PathRewrite;
  /** HTTP: milliseconds from the whole request to the beginning of its response; no bound when left out. */
  readonly responseTimeout?: number;
  /** HTTP; see `custom-headers.ts` for what is allowed. */
  readonly customHeaders?: readonly CustomHeader[];
  /**
   * HTTP: whether the origin is spoken to in HTTP/2. An https origin is asked (ALPN) unless this is false; an http one
   * isn't, so it is only if this is true (h2c with prior knowledge, RFC 9113 section 3.3).
   */
  readonly http2?: boolean;
}

/** A public name mapped to its targets. */
export interface Service {
  readonly id: string;
  readonly name: string;
  readonly mode: ServiceMode;
  /** Lower-case, unique in the cluster. */
  readonly domain: string;
  /** One or more by path; exactly one unless the mode is `http`. */
  readonly targets: readonly Target[];
  /** TCP, UDP, and TLS where that doesn't use the main port: the edge's port that visitors connect to. */
  readonly listenPort?: number;
  readonly enabled: boolean;
  /** Send the visitor's `Host` to the origin instead of the target's own. */
  readonly passHostHeader: boolean;
  /** HTTP: redirects and cookies of the origin that name the target name the public address instead. */
  readonly rewriteRedirects?: boolean;
  /** HTTP: how visitors prove who they are. Left out, the service is public. Never holds a secret. */
  readonly auth?: ServiceAuth;
  /** From where visitors may come; from everywhere when left out. */
  readonly restrictions?: Restrictions;
  readonly source: ServiceSource;
  /** The agent that made it; only it may change or end an ephemeral one. */
  readonly ownerId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Ephemeral only: when it ends unless renewed, milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** Milliseconds until a dial to an origin counts as failed, unless the target says otherwise. */
export const DEFAULT_CONNECT_TIMEOUT = 10_000;
/** Targets that one service may have. */
export const TARGETS_PER_SERVICE = 64;
/** Milliseconds of silence after which a TCP or TLS connection, or a UDP session, ends unless its target says otherwise. */
export const DEFAULT_IDLE_TIMEOUT = { tcp: 300_000, tls: 300_000, udp: 30_000 } as const;
/** Ports that are assigned where a service doesn't ask for one. */
export const ASSIGNED_PORTS = { first: 10_000, last: 49_151 } as const;
/** The first port that needs no privilege. */
export const FIRST_FREE_PORT = 1024;
/** An exposure that nobody renewed for this many milliseconds has expired. */
export const EXPOSURE_LIFETIME = 90_000;
/** How often the holder of an exposure renews it, in milliseconds. */
export const EXPOSURE_RENEWAL = 30_000;
/** Exposures that one agent may have at once. */
export const EXPOSURES_PER_AGENT = 10;
/** Services that one agent may have at once. */
export const SERVICES_PER_AGENT = 1000;

const NAME_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Checks a subdomain label that a person typed (1 to 63). Upper case is folded. */
export function parseName(text: string): Result<string, Failure> {
  const name = text.trim().toLowerCase();
  if (name === '') return err(failure('name_invalid', { name: text, reason: because('empty') }, 'name'));
  if (name.length > 63)
    return err(
      failure('name_invalid', { name: `${name.slice(0, 24)}…`, reason: because('longer_than', { limit: 63 }) }, 'name'),
    );
  if (!isLabel(name)) return err(failure('name_invalid', { name: text, reason: because('name_characters') }, 'name'));
  return ok(name);
}

/** Checks a name prefix (1 to 32, lower-case letters, digits, hyphens; starts and ends with a letter or digit). */
export function parseNamePrefix(text: string): Result<string, Failure> {
  const refuse = (name: string, reason: Because) => err(failure('name_invalid', { name, reason }, 'namePrefix'));
  if (text === '') return refuse(text, because('empty'));
  if (text.length > 32) return refuse(`${text.slice(0, 24)}…`, because('longer_than', { limit: 32 }));
  if (!isLabel(text)) return refuse(text, because('prefix_characters'));
  return ok(text);
}

/** Whether two services of these modes can't both have one port: TLS shares it with TLS and, as its fallback, with TCP. */
export const portsClash = (a: ServiceMode, b: ServiceMode): boolean => a === b && (a === 'tcp' || a === 'udp');

/** Whether `port` is a whole number from 1 to 65535. */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535;

/** Random name characters from `bytes`, one each; bytes that would favour some characters are skipped. */
function nameCharacters(bytes: Iterable<number>, length: number): string {
  let text = '';
  for (const byte of bytes) {
    if (text.length === length) break;
    if (byte < 252) text += NAME_ALPHABET[byte % 36] ?? '';
  }
  return text;
}

/** A random service name: 12 characters, or `prefix-` and 6. `random(n)` yields n random bytes. */
export function randomName(random: (length: number) => Uint8Array, prefix?: string): string {
  const length = prefix === undefined ? 12 : 6;
  let text = '';
  while (text.length < length) text += nameCharacters(random(32), length - text.length);
  return prefix === undefined ? text : `${prefix}-${text}`;
}

/** A name for the local port of a process such as `vite`: `vite-5173`, or `port-5173` when the process is unknown. */
export function suggestName(port: number, processName: string | undefined): string {
  const base = labelOf(processName ?? '');
  return `${base === '' ? 'port' : base}-${port}`;
}

/** A name for the Unix socket at `path`, such as `app` for `/run/app.sock`. */
export function suggestSocketName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const base = labelOf(file.replace(/\.(?:sock|socket)$/i, ''));
  return base === '' ? 'socket' : base;
}

const labelOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');

/** Whether the target's origin is asked in the TLS handshake whether it speaks HTTP/2. */
export const offersHttp2 = ({ protocol, http2 }: Pick<Target, 'protocol' | 'http2'>): boolean =>
  protocol === 'https' && http2 !== false;

/** Where a target is, for people: `port 3000`, `192.168.1.5:8080`, `unix:/run/app.sock`. */
export function targetLabel({ type, host, port }: Pick<Target, 'type' | 'host' | 'port'>): string {
  if (type === 'agent') return `port ${port}`;
  return type === 'unix' ? `unix:${host}` : authority(host, port);
}

/** `host:port` for people and for `Host`, IPv6 in brackets. */
export const authority = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
