import { type Failure, failure } from './failure.ts';
import { isLabel } from './hostname.ts';
import { err, ok, type Result } from './result.ts';

/** How a service carries its visitors. */
export type ServiceMode = 'http';
/** What the origin speaks. `https` origins are dialled with TLS by the agent. */
export type OriginProtocol = 'http' | 'https';
/** `permanent` services stay until removed; `ephemeral` ones live as long as they are renewed. */
export type ServiceSource = 'permanent' | 'ephemeral';

/** Where a service's traffic goes: a port that an agent can reach. */
export interface Target {
  readonly id: string;
  readonly agentId: string;
  /** `agent`: the agent's own machine (loopback). `host`: an address that the agent can reach. */
  readonly type: 'agent' | 'host';
  /** A hostname or address without brackets; for type `agent` always `localhost`. */
  readonly host: string;
  readonly port: number;
  readonly protocol: OriginProtocol;
  /** Path prefix that this target takes, on segment boundaries; starts with `/`. */
  readonly path: string;
  readonly enabled: boolean;
  /** Do not verify an https origin's certificate. */
  readonly skipTlsVerify: boolean;
  /** Milliseconds until a dial counts as failed. */
  readonly connectTimeout: number;
}

/** A public name mapped to its targets. */
export interface Service {
  readonly id: string;
  readonly name: string;
  readonly mode: ServiceMode;
  /** Lower-case, unique in the cluster. */
  readonly domain: string;
  readonly targets: readonly Target[];
  readonly enabled: boolean;
  /** Send the visitor's `Host` to the origin instead of the target's own. */
  readonly passHostHeader: boolean;
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
  if (name === '') return err(failure('name_invalid', { name: text, reason: 'it is empty.' }, 'name'));
  if (name.length > 63)
    return err(
      failure('name_invalid', { name: `${name.slice(0, 24)}…`, reason: 'it is longer than 63 characters.' }, 'name'),
    );
  if (!isLabel(name))
    return err(
      failure('name_invalid', { name: text, reason: 'it holds characters that a host name cannot have.' }, 'name'),
    );
  return ok(name);
}

/** Checks a name prefix (1 to 32, lower-case letters, digits, hyphens; starts and ends with a letter or digit). */
export function parseNamePrefix(text: string): Result<string, Failure> {
  if (text.length < 1 || text.length > 32 || !isLabel(text))
    return err(failure('name_invalid', { name: text, reason: 'a prefix has 1 to 32 characters.' }, 'namePrefix'));
  return ok(text);
}

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
  const base = (processName ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${base === '' ? 'port' : base}-${port}`;
}

/** `host:port` for people and for `Host`, IPv6 in brackets. */
export const authority = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
