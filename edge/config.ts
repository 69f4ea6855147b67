import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cidr, parseCidr } from '../shared/domain/cidr.ts';
import { isDisplayName } from '../shared/domain/display-name.ts';
import { type Failure, failure } from '../shared/domain/failure.ts';
import { isUnder, parseDomain, parseListenAddress } from '../shared/domain/hostname.ts';
import { err, ok, type Result } from '../shared/domain/result.ts';
import { ASSIGNED_PORTS, FIRST_FREE_PORT } from '../shared/domain/service.ts';
import { type Provider, readProviders } from './auth/sso/providers.ts';
import type { CertificateSources } from './certificates/certificate-set.ts';
import { isJoinAddress } from './join-place.ts';
import { DEFAULT_LIMITS, type LimitName, type Limits, parseLimit, parseLimitsFile, settingName } from './limits.ts';
import { isLoopback, type ListenAddress } from './listen/address.ts';
import { MOST_AUTO_WORKERS, parseWorkers } from './workers/count.ts';

/** Everything an edge needs to know to run, complete and checked. */
export interface EdgeConfig {
  /** The cluster's domain, lower-case. */
  readonly domain: string;
  /** Main port: TLS. At least one. */
  readonly listen: readonly ListenAddress[];
  /** Plain HTTP, loopback only. Empty unless embedded. */
  readonly listenHttp: readonly ListenAddress[];
  /** Absolute. */
  readonly dataDir: string;
  readonly health: ListenAddress;
  /** Runs as the child of a Porthole on the same machine and ends with it. */
  readonly embedded: boolean;
  readonly certificates: CertificateSources;
  /** Absolute: what the store's secrets are sealed with, the same on all nodes; in the data folder when left out. */
  readonly secretKeyFile?: string;
  /** With whom visitors can sign in, the usual one first. */
  readonly providers: readonly Provider[];
  readonly limits: Limits;
  /** Processes that serve visitors; 1 means that one process does everything. */
  readonly workers: number;
  /** Peers whose word on where a connection comes from is believed. */
  readonly trustedProxies: readonly Cidr[];
  /** Which ports TCP, TLS and UDP services may have. */
  readonly servicePorts: ServicePortConfig;
  readonly access: AccessConfig;
  /** Who runs it, for the people who join. */
  readonly operator?: string;
}

/** Where the edge learns about visitors' addresses. */
export interface AccessConfig {
  /** Absolute; the bundled database when left out. */
  readonly countryDatabase: string | undefined;
  /** The local API of a CrowdSec, and the file with the key of this bouncer. */
  readonly crowdsec: { readonly url: string; readonly keyFile: string } | undefined;
}

export interface ServicePortConfig {
  /** Services may ask for one; otherwise all are assigned. */
  readonly custom: boolean;
  readonly assigned: { readonly first: number; readonly last: number };
}

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'run'; readonly config: EdgeConfig; readonly json: boolean }
  | {
      readonly kind: 'token';
      readonly dataDir: string;
      readonly lifetime: number;
      /** HOST or HOST:PORT under which laptops reach the edge, where that isn't its domain. */
      readonly address?: string;
      readonly json: boolean;
    }
  | { readonly kind: 'help'; readonly text: string };

/** A command line that can't be used. `json` is known even then, so that the answer has the form asked for. */
export interface UsageFault {
  readonly failure: Failure;
  readonly json: boolean;
}

export const HELP = `Porthole edge: takes visitors' requests and hands them through tunnels to laptops.

Usage:
  porthole edge --domain DOMAIN --data-dir DIR [options]
  porthole edge token create --data-dir DIR [--expires 1h] [--address HOST[:PORT]] [--json]

Options:
  --domain DOMAIN              the cluster's domain; services live under it
  --operator NAME              who runs it, such as "ACME IT"; people see it before they join
  --data-dir DIR               where the edge keeps its data (made if it is missing)
  --listen ADDRESS:PORT        main port, TLS; may be repeated (default 0.0.0.0:443; port 0 means any free one)
  --listen-http ADDRESS:PORT   plain HTTP: sends visitors on to https (308); may be repeated. With --embedded it serves
                               names under localhost itself, on loopback only
  --health ADDRESS:PORT        health and metrics (default 127.0.0.1:9090; any free port with --embedded)
  --cert FILE --key FILE       a certificate with its chain, and its key (PEM); may be repeated, pair by pair
  --cert-dir DIR               a folder of such pairs: NAME.crt or NAME.pem with NAME.key, or fullchain.pem with
                               privkey.pem, here or one folder down; may be repeated
  --private-ca                 sign with a CA of the edge's own what no such certificate covers (what the edge does
                               for every name when it is given no certificates)
  --workers N|auto             processes that serve visitors, on the same ports (default auto: one a core, at most
                               ${MOST_AUTO_WORKERS}; 1 with --embedded and where the system is not Linux)
  --max-connections N          connections at once (default ${DEFAULT_LIMITS.connections})
  --max-connections-per-address N  the same, from one address (default ${DEFAULT_LIMITS.connectionsPerAddress})
  --max-connections-per-service N  connections of one tcp or tls service at once (default ${DEFAULT_LIMITS.connectionsPerService})
  --max-sessions-per-service N  sessions (visitors) of one udp service at once (default ${DEFAULT_LIMITS.udpSessionsPerService})
  --new-sessions-per-second N  new ones of a udp service (default ${DEFAULT_LIMITS.udpNewSessionsPerSecond})
  --limit NAME=VALUE           any other limit, such as header-size=32KiB or requests-per-target=200; may be repeated.
                               docs/limits.md lists them all
  --limits FILE                limits as one JSON object: {"header-size": "32KiB", "requests-per-target": 200}
  --trusted-proxy CIDR         believe the PROXY protocol headers (v1, v2) of these peers, and their X-Forwarded-For;
                               may be repeated
  --geoip-database FILE        a MaxMind database (.mmdb) of countries in place of the bundled one; read again when it
                               changes
  --crowdsec-url URL --crowdsec-key-file FILE  a CrowdSec local API, such as http://127.0.0.1:8080, and the file with
                               the key that "cscli bouncers add" gave
  --sign-in FILE               OpenID Connect providers that visitors can sign in with, as JSON; see docs/sign-in.md
  --assigned-ports FIRST-LAST  ports for tcp and udp services that ask for none (default ${ASSIGNED_PORTS.first}-${ASSIGNED_PORTS.last})
  --no-custom-ports            let services have assigned ports only
  --secret-key-file FILE       the key that seals the secrets in the store, the same on all nodes of a cluster: 32 random
                               bytes in base64url (default: secret.key in the data folder, made when it is missing)
  --embedded                   runs inside a Porthole on this machine; ends when its standard input closes
  --json                       one JSON object a line on standard output
  --help                       this text

Examples:
  porthole edge --domain example.com --listen 0.0.0.0:443 --data-dir /var/lib/porthole
  porthole edge --domain example.com --data-dir /var/lib/porthole --cert-dir /etc/letsencrypt/live
  porthole edge token create --data-dir /var/lib/porthole --expires 15m

Certificate files are read again when they change; connections that are open stay so.
`;

const OPTIONS = {
  domain: { type: 'string' },
  operator: { type: 'string' },
  'data-dir': { type: 'string' },
  listen: { type: 'string', multiple: true },
  'listen-http': { type: 'string', multiple: true },
  health: { type: 'string' },
  cert: { type: 'string', multiple: true },
  key: { type: 'string', multiple: true },
  'cert-dir': { type: 'string', multiple: true },
  'private-ca': { type: 'boolean' },
  workers: { type: 'string' },
  'max-connections': { type: 'string' },
  'max-connections-per-address': { type: 'string' },
  'max-connections-per-service': { type: 'string' },
  'max-sessions-per-service': { type: 'string' },
  'new-sessions-per-second': { type: 'string' },
  limit: { type: 'string', multiple: true },
  limits: { type: 'string' },
  address: { type: 'string' },
  'trusted-proxy': { type: 'string', multiple: true },
  'geoip-database': { type: 'string' },
  'crowdsec-url': { type: 'string' },
  'crowdsec-key-file': { type: 'string' },
  'sign-in': { type: 'string' },
  'assigned-ports': { type: 'string' },
  'no-custom-ports': { type: 'boolean' },
  'secret-key-file': { type: 'string' },
  embedded: { type: 'boolean' },
  expires: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; strict: true; allowPositionals: true }>>['values'];

const usage = (reason: string): Failure =>
  failure('input_invalid', { reason: `${reason} "porthole edge --help" shows how it is used.` });

/** Reads the arguments after the program's name into one complete value; touches nothing outside but the files of limits and providers. */
export function parseCommand(argv: readonly string[]): Result<Command, UsageFault> {
  const json = argv.includes('--json');
  const parsed = readArguments(argv);
  if (!parsed.ok) return err({ failure: parsed.error, json });
  const { values, positionals } = parsed.value;
  if (values.help === true) return ok({ kind: 'help', text: HELP });
  const command = positionals.length === 0 ? runCommand(values, json) : tokenCommand(values, positionals, json);
  return command.ok ? command : err({ failure: command.error, json });
}

function readArguments(argv: readonly string[]): Result<{ values: Values; positionals: string[] }, Failure> {
  try {
    return ok(parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true }));
  } catch (error) {
    // parseArgs says in its first sentence what is wrong; the rest explains its own escape rules.
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    return err(usage(`${sentence.replace(/\.$/, '')}.`));
  }
}

function tokenCommand(values: Values, positionals: readonly string[], json: boolean): Result<Command, Failure> {
  if (positionals.join(' ') !== 'token create') return err(usage(`There is no command "${positionals.join(' ')}".`));
  const extra = Object.keys(values).find((key) => !['data-dir', 'expires', 'address', 'json'].includes(key));
  if (extra !== undefined) return err(usage(`--${extra} does not go with "token create".`));
  const dataDir = values['data-dir'];
  if (dataDir === undefined || dataDir === '') return err(usage('--data-dir is missing.'));
  const lifetime = parseDuration(values.expires ?? '1h');
  if (lifetime === undefined)
    return err(usage(`--expires takes a time such as 15m, 1h or 7d (at most 365d), not "${values.expires}".`));
  const { address } = values;
  if (address !== undefined && !isJoinAddress(address))
    return err(usage(`--address takes HOST or HOST:PORT, as laptops reach this edge, not "${address}".`));
  return ok({
    kind: 'token',
    dataDir: resolve(dataDir),
    lifetime,
    ...(address === undefined ? {} : { address }),
    json,
  });
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `90s`, `15m`, `1h`, `7d`; at least a second, at most a year. */
function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text.trim());
  const value = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  return value >= 1_000 && value <= 365 * 86_400_000 ? value : undefined;
}

function runCommand(values: Values, json: boolean): Result<Command, Failure> {
  for (const option of ['expires', 'address'] as const)
    if (values[option] !== undefined) return err(usage(`--${option} goes with "token create" only.`));
  const embedded = values.embedded === true;
  if (values.domain === undefined) return err(usage('--domain is missing.'));
  const domain = parseDomain(values.domain);
  if (!domain.ok) return domain;
  const dataDir = values['data-dir'];
  if (dataDir === undefined || dataDir === '') return err(usage('--data-dir is missing.'));
  const listen = parseAddresses(values.listen ?? ['0.0.0.0:443']);
  if (!listen.ok) return listen;
  const listenHttp = parsePlainAddresses(values['listen-http'] ?? [], embedded, domain.value);
  if (!listenHttp.ok) return listenHttp;
  const health = parseListenAddress(values.health ?? (embedded ? '127.0.0.1:0' : '127.0.0.1:9090'));
  if (!health.ok) return health;
  const certificates = parseCertificates(values, embedded);
  if (!certificates.ok) return certificates;
  const limits = parseLimits(values);
  if (!limits.ok) return limits;
  const workers = parseWorkers(values.workers, embedded);
  if (!workers.ok) return err(usage(workers.error));
  const trustedProxies = parseProxies(values['trusted-proxy'] ?? []);
  if (!trustedProxies.ok) return trustedProxies;
  const providers = values['sign-in'] === undefined ? ok([]) : readProviders(resolve(values['sign-in']));
  if (!providers.ok) return providers;
  const access = parseAccess(values);
  if (!access.ok) return access;
  const assigned = parseRange(values['assigned-ports']);
  if (assigned === undefined)
    return err(usage('--assigned-ports takes FIRST-LAST, at least ten ports from 1024 to 65535.'));
  const operator = values.operator?.trim();
  if (operator !== undefined && (operator === '' || operator.length > 100 || !isDisplayName(operator)))
    return err(usage('--operator takes a name of at most 100 characters, without control characters.'));
  const keyFile = values['secret-key-file'];
  if (keyFile === '') return err(usage('--secret-key-file takes the name of a file.'));
  const config: EdgeConfig = {
    domain: domain.value,
    listen: listen.value,
    listenHttp: listenHttp.value,
    dataDir: resolve(dataDir),
    health: health.value,
    embedded,
    certificates: certificates.value,
    ...(keyFile === undefined ? {} : { secretKeyFile: resolve(keyFile) }),
    limits: limits.value,
    workers: workers.value,
    trustedProxies: trustedProxies.value,
    access: access.value,
    ...(operator === undefined ? {} : { operator }),
    providers: providers.value,
    servicePorts: { custom: values['no-custom-ports'] !== true, assigned },
  };
  return ok({ kind: 'run', config, json });
}

function parseAddresses(texts: readonly string[]): Result<readonly ListenAddress[], Failure> {
  const addresses: ListenAddress[] = [];
  for (const text of texts) {
    const address = parseListenAddress(text);
    if (!address.ok) return address;
    addresses.push(address.value);
  }
  return ok(addresses);
}

/** Services are never served unencrypted beyond this machine: a public edge only redirects from its plain port. */
function parsePlainAddresses(
  texts: readonly string[],
  embedded: boolean,
  domain: string,
): Result<readonly ListenAddress[], Failure> {
  if (texts.length === 0) return ok([]);
  if (!embedded) return parseAddresses(texts);
  if (!isUnder(domain, 'localhost'))
    return err(usage(`--listen-http serves names under localhost only, and ${domain} is not one.`));
  const addresses = parseAddresses(texts);
  if (!addresses.ok) return addresses;
  const open = addresses.value.find((a) => !isLoopback(a.host));
  if (open !== undefined) return err(usage(`--listen-http takes loopback addresses only, not ${open.host}.`));
  return addresses;
}

/** A public edge that is given certificates never falls back to its own CA without being told: visitors would not. */
function parseCertificates(values: Values, embedded: boolean): Result<CertificateSources, Failure> {
  const { cert: certs = [], key: keys = [], 'cert-dir': folders = [] } = values;
  if ([...certs, ...keys, ...folders].includes(''))
    return err(usage('--cert, --key and --cert-dir each take the name of a file or folder.'));
  if (certs.length !== keys.length)
    return err(usage(`Each --cert goes with one --key; there are ${certs.length} and ${keys.length}.`));
  return ok({
    pairs: certs.map((cert, i) => ({ cert: resolve(cert), key: resolve(keys[i] ?? '') })),
    folders: folders.map((folder) => resolve(folder)),
    privateCa: values['private-ca'] === true || embedded || certs.length + folders.length === 0,
  });
}

function parseAccess(values: Values): Result<AccessConfig, Failure> {
  const { 'geoip-database': database, 'crowdsec-url': url, 'crowdsec-key-file': keyFile } = values;
  if ([database, url, keyFile].includes(''))
    return err(usage('--geoip-database, --crowdsec-url and --crowdsec-key-file each take a value.'));
  if ((url === undefined) !== (keyFile === undefined))
    return err(usage('--crowdsec-url and --crowdsec-key-file go together.'));
  if (url !== undefined && !/^https?:\/\/[^/?#@]+\/?$/.test(url))
    return err(usage(`--crowdsec-url takes an address such as http://127.0.0.1:8080, not "${url}".`));
  return ok({
    countryDatabase: database === undefined ? undefined : resolve(database),
    crowdsec: url === undefined || keyFile === undefined ? undefined : { url, keyFile: resolve(keyFile) },
  });
}

function parseProxies(texts: readonly string[]): Result<readonly Cidr[], Failure> {
  const cidrs: Cidr[] = [];
  for (const text of texts) {
    const cidr = parseCidr(text);
    if (cidr === undefined) return err(usage(`--trusted-proxy takes a network such as 10.0.0.0/8, not "${text}".`));
    cidrs.push(cidr);
  }
  return ok(cidrs);
}

function parseRange(text: string | undefined): ServicePortConfig['assigned'] | undefined {
  if (text === undefined) return ASSIGNED_PORTS;
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text.trim());
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return first >= FIRST_FREE_PORT && last <= 65535 && last - first >= 9 ? { first, last } : undefined;
}

/** Limits that have an option of their own. */
const LIMIT_OPTIONS = [
  ['max-connections', 'connections'],
  ['max-connections-per-address', 'connectionsPerAddress'],
  ['max-connections-per-service', 'connectionsPerService'],
  ['max-sessions-per-service', 'udpSessionsPerService'],
  ['new-sessions-per-second', 'udpNewSessionsPerSecond'],
] as const;

/** What is said last counts: the file, then single limits in their order. */
function parseLimits(values: Values): Result<Limits, Failure> {
  const limits: Record<LimitName, number> = { ...DEFAULT_LIMITS };
  if (values.limits !== undefined) {
    const file = readLimits(values.limits);
    if (!file.ok) return err(usage(`--limits ${values.limits} can't be used: ${file.error}`));
    Object.assign(limits, file.value);
  }
  for (const [option, name] of LIMIT_OPTIONS) {
    const text = values[option];
    if (text === undefined) continue;
    const limit = parseLimit(settingName(name), text);
    if (!limit.ok) return err(usage(`--${option} takes a whole number from 1 to 1000000.`));
    limits[name] = limit.value[1];
  }
  for (const text of values.limit ?? []) {
    const [setting = '', value, ...more] = text.split('=');
    if (value === undefined || more.length > 0) return err(usage(`--limit takes NAME=VALUE, not "${text}".`));
    const limit = parseLimit(setting, value);
    if (!limit.ok) return err(usage(limit.error));
    limits[limit.value[0]] = limit.value[1];
  }
  return ok(limits);
}

function readLimits(file: string): Result<Partial<Limits>, string> {
  try {
    return parseLimitsFile(readFileSync(file, 'utf8'));
  } catch (error) {
    return err(error instanceof Error ? `${error.message}.` : String(error));
  }
}
