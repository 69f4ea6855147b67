import type { Kysely, Selectable } from 'kysely';
import { isShareLive, SHARES_PER_SERVICE, type ShareLink } from '../../shared/domain/auth.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { Tables } from './tables.ts';

/** Milliseconds that links are listed once they are over. */
const SHARE_MEMORY = 30 * 24 * 3600_000;
/** Links of a service that are kept in all; past that, the oldest that are over are forgotten, and their sessions end. */
const SHARES_KEPT = 2_000;

/** The link of a row. */
export function toShare(row: Selectable<Tables['shares']>): ShareLink {
  return {
    id: row.id,
    serviceId: row.service_id,
    ...(row.label === null ? {} : { label: row.label }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    ...(row.max_uses === null ? {} : { maxUses: row.max_uses }),
    uses: row.uses,
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}

/** Fails with `share_limit` when the service has as many live links as it may. */
export async function insertShare(
  db: Kysely<Tables>,
  share: ShareLink,
  tokenHash: string,
): Promise<Result<ShareLink, Failure>> {
  const now = share.createdAt;
  const gone = now - SHARE_MEMORY;
  await db
    .deleteFrom('shares')
    .where((e) => e.or([e('expires_at', '<', gone), e('revoked_at', '<', gone)]))
    .execute();
  const rows = await db
    .selectFrom('shares')
    .selectAll()
    .where('service_id', '=', share.serviceId)
    .orderBy('id')
    .execute();
  const over = rows.filter((row) => !isShareLive(toShare(row), now));
  if (rows.length - over.length >= SHARES_PER_SERVICE)
    return err(failure('share_limit', { limit: SHARES_PER_SERVICE }));
  for (const row of over.slice(0, Math.max(0, rows.length + 1 - SHARES_KEPT)))
    await db.deleteFrom('shares').where('id', '=', row.id).execute();
  await db
    .insertInto('shares')
    .values({
      id: share.id,
      service_id: share.serviceId,
      token_hash: tokenHash,
      label: share.label ?? null,
      created_at: share.createdAt,
      expires_at: share.expiresAt,
      max_uses: share.maxUses ?? null,
      uses: 0,
      last_used_at: null,
      revoked_at: null,
    })
    .execute();
  return ok(share);
}

/** The link of `serviceId` with this token, whatever has become of it. */
export async function findShare(
  db: Kysely<Tables>,
  serviceId: string,
  tokenHash: string,
): Promise<ShareLink | undefined> {
  const rows = db.selectFrom('shares').selectAll().where('token_hash', '=', tokenHash);
  const row = await rows.where('service_id', '=', serviceId).executeTakeFirst();
  return row === undefined ? undefined : toShare(row);
}

/** Counts one opening of a live link, at most as many as it allows however many come at once; else `undefined`. */
export async function countUse(db: Kysely<Tables>, id: string, now: number): Promise<ShareLink | undefined> {
  const row = await db
    .updateTable('shares')
    .set((e) => ({ uses: e('uses', '+', 1), last_used_at: now }))
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where((e) => e.or([e('max_uses', 'is', null), e('uses', '<', e.ref('max_uses'))]))
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? undefined : toShare(row);
}
