import type { Generated, Selectable } from 'kysely';
import { serviceSchema } from '../../shared/contract/control-api.ts';
import type { Service } from '../../shared/domain/service.ts';
import type { Agent, StoredService } from './store.ts';

/** The tables as Kysely sees them; `migrations.ts` makes them. */
export interface Tables {
  join_tokens: {
    hash: string;
    label: string | null;
    created_at: number;
    expires_at: number;
    used_at: number | null;
  };
  agents: {
    id: string;
    name: string;
    credential_hash: string;
    created_at: number;
    last_seen_at: number | null;
  };
  services: {
    id: string;
    owner_id: string;
    domain: string;
    source: string;
    created_at: number;
    expires_at: number | null;
    revision: number;
    /** The rest of the service, JSON. */
    body: string;
  };
  service_secrets: {
    service_id: string;
    epoch: number;
    /** `spellMethods` of the service's. */
    methods: string;
    /** PHC. */
    password: string | null;
    pin: string | null;
    /** JSON: PHC by id of the rule. */
    headers: string;
    public_key: string;
    private_key: string;
  };
  shares: {
    id: string;
    service_id: string;
    token_hash: string;
    label: string | null;
    created_at: number;
    expires_at: number;
    max_uses: number | null;
    uses: number;
    last_used_at: number | null;
    revoked_at: number | null;
  };
  guesses: {
    service_id: string;
    subject: string;
    failures: number;
    since: number;
    level: number;
    locked_until: number;
    succeeded_at: number | null;
    updated_at: number;
  };
  changes: {
    revision: Generated<number>;
    kind: 'service' | 'agent';
    subject: string;
    owner_id: string;
    at: number;
  };
}

/** The agent of a row; one that was never seen has no `lastSeenAt`. */
export function toAgent(row: Selectable<Tables['agents']>): Agent {
  return {
    id: row.id,
    name: row.name,
    credentialHash: row.credential_hash,
    createdAt: row.created_at,
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
  };
}

/** The service of a row, or why the row doesn't hold one: files get edited by hand, and disks rot. */
export function toService(row: Selectable<Tables['services']>): StoredService | { readonly fault: string } {
  let body: unknown;
  try {
    body = JSON.parse(row.body);
  } catch {
    return { fault: 'its body is not JSON' };
  }
  if (typeof body !== 'object' || body === null) return { fault: 'its body is not an object' };
  const parsed = serviceSchema.safeParse({
    ...body,
    id: row.id,
    ownerId: row.owner_id,
    domain: row.domain,
    source: row.source,
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  });
  if (parsed.success) return { service: parsed.data, revision: row.revision };
  return { fault: parsed.error.issues[0]?.message ?? 'it does not fit the schema' };
}

/** The row of a service; `serviceSchema.parse` of `toService` yields the same value again. */
export function toRow(service: Service, revision: number): Tables['services'] {
  const { id, ownerId, domain, source, createdAt, expiresAt, ...body } = service;
  return {
    id,
    owner_id: ownerId,
    domain,
    source,
    created_at: createdAt,
    expires_at: expiresAt ?? null,
    revision,
    body: JSON.stringify(body),
  };
}
