import type { Kysely, Selectable } from 'kysely';
import { isProtected, isShareLive, type ServiceAuth } from '../../shared/domain/auth.ts';
import type { Service } from '../../shared/domain/service.ts';
import type { Guard, Secrets } from '../guard.ts';
import { toShare } from './shares.ts';
import type { StoredService } from './store.ts';
import type { Tables } from './tables.ts';

/** Ids that are looked up one by one at most; past that, reading all is no dearer. */
const LOOKUP_LIMIT = 500;

/** `services` with their guards and the numbers of their live share links; read it in the transaction that read them. */
export async function withGuards(
  db: Kysely<Tables>,
  services: readonly StoredService[],
  now: number,
): Promise<StoredService[]> {
  if (services.length === 0) return [];
  const ids = services.length > LOOKUP_LIMIT ? undefined : services.map(({ service }) => service.id);
  const secrets = await secretsOf(db, ids);
  const shares = await sharesOf(db, ids, now);
  const names = await publishersOf(db, services);
  return services.map((stored) => {
    const links = shares.get(stored.service.id);
    const guard = guardOf(stored.service, secrets.get(stored.service.id), {
      shares: links?.open ?? NO_SHARES,
      publisher: names.get(stored.service.ownerId) ?? '',
    });
    return {
      ...stored,
      ...(guard === undefined ? {} : { guard }),
      ...(links === undefined || links.live === 0 ? {} : { shares: links.live }),
    };
  });
}

/** Names of the agents behind protected services, by id. */
async function publishersOf(db: Kysely<Tables>, services: readonly StoredService[]): Promise<Map<string, string>> {
  const owners = new Set(services.filter(({ service }) => isProtected(service.auth)).map((s) => s.service.ownerId));
  if (owners.size === 0) return new Map();
  const all = db.selectFrom('agents').select(['id', 'name']);
  const rows = await (owners.size > LOOKUP_LIMIT ? all : all.where('id', 'in', [...owners])).execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}

const NO_SHARES: ReadonlySet<string> = new Set();

async function secretsOf(
  db: Kysely<Tables>,
  ids: readonly string[] | undefined,
): Promise<Map<string, Selectable<Tables['service_secrets']>>> {
  const all = db.selectFrom('service_secrets').selectAll();
  const rows = await (ids === undefined ? all : all.where('service_id', 'in', ids)).execute();
  return new Map(rows.map((row) => [row.service_id, row]));
}

interface Links {
  readonly open: Set<string>;
  live: number;
}

async function sharesOf(
  db: Kysely<Tables>,
  ids: readonly string[] | undefined,
  now: number,
): Promise<Map<string, Links>> {
  const all = db.selectFrom('shares').selectAll().where('revoked_at', 'is', null).where('expires_at', '>', now);
  const rows = await (ids === undefined ? all : all.where('service_id', 'in', ids)).execute();
  const found = new Map<string, Links>();
  for (const row of rows) {
    const links = found.get(row.service_id) ?? { open: new Set<string>(), live: 0 };
    found.set(row.service_id, links);
    links.open.add(row.id);
    if (isShareLive(toShare(row), now)) links.live++;
  }
  return found;
}

/**
 * The guard of a service, `undefined` when it is public. Public it is only where both of its rows say so: a damaged
 * one must not open it.
 */
function guardOf(
  { auth }: Service,
  row: Selectable<Tables['service_secrets']> | undefined,
  rest: Pick<Guard, 'shares' | 'publisher'>,
): Guard | undefined {
  const protects = isProtected(auth);
  const agrees = row === undefined ? !protects : row.methods === spellMethods(auth);
  if (!protects && agrees) return undefined;
  const methods = auth ?? {};
  const secrets = row === undefined ? undefined : toSecrets(row);
  const whole = agrees && secrets !== undefined && holdsAll(methods, secrets);
  return { ...rest, methods, secrets: whole ? secrets : undefined };
}

/** Whether there is something to compare with for each method that compares. */
const holdsAll = (methods: ServiceAuth, secrets: Secrets): boolean =>
  (methods.password === true) === (secrets.password !== undefined) &&
  (methods.pin === true) === (secrets.pin !== undefined) &&
  (methods.headers ?? []).every(({ id }) => Object.hasOwn(secrets.headers, id));

/** The methods in one spelling, whatever the order of their members. */
export function spellMethods(auth: ServiceAuth | undefined): string {
  const { password, pin, headers = [], sso, link } = auth ?? {};
  return JSON.stringify({
    password: password === true,
    pin: pin === true,
    headers: headers.map(({ id, kind, name, user }) => [id, kind, name, user ?? null]),
    sso: sso === undefined ? null : [sso.provider, sso.groups],
    link: link === true,
  });
}

/** What `auth/argon2.ts` writes; other costs would let a damaged row keep a thread busy for long. */
const PHC = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;
const BASE64 = /^[A-Za-z0-9+/]{40,400}={0,2}$/;

/** The secrets of a row; `undefined` when it doesn't hold any that can be used. */
function toSecrets(row: Selectable<Tables['service_secrets']>): Secrets | undefined {
  const headers = parseHeaders(row.headers);
  const { password, pin, epoch } = row;
  const hashes = [password, pin, ...Object.values(headers ?? {})].filter((hash) => hash !== null);
  const whole = Number.isSafeInteger(epoch) && epoch > 0 && hashes.every((hash) => PHC.test(hash));
  if (headers === undefined || !whole || !BASE64.test(row.public_key) || !BASE64.test(row.private_key))
    return undefined;
  return {
    epoch,
    ...(password === null ? {} : { password }),
    ...(pin === null ? {} : { pin }),
    headers,
    publicKey: row.public_key,
    privateKey: row.private_key,
  };
}

function parseHeaders(text: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value);
    return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
      ? Object.fromEntries(entries)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The secrets of one service, damaged ones as if there were none. */
export async function readSecrets(db: Kysely<Tables>, serviceId: string): Promise<Secrets | undefined> {
  const row = (await secretsOf(db, [serviceId])).get(serviceId);
  return row === undefined ? undefined : toSecrets(row);
}

/** Writes `secrets` beside the methods that they belong to. */
export async function writeSecrets(db: Kysely<Tables>, service: Service, secrets: Secrets): Promise<void> {
  const row: Tables['service_secrets'] = {
    service_id: service.id,
    epoch: secrets.epoch,
    methods: spellMethods(service.auth),
    password: secrets.password ?? null,
    pin: secrets.pin ?? null,
    headers: JSON.stringify(secrets.headers),
    public_key: secrets.publicKey,
    private_key: secrets.privateKey,
  };
  const { service_id: _, ...update } = row;
  await db
    .insertInto('service_secrets')
    .values(row)
    .onConflict((conflict) => conflict.column('service_id').doUpdateSet(update))
    .execute();
}
