import { randomBytes } from 'node:crypto';
import type { Failure } from '../shared/domain/failure.ts';
import { ok, type Result } from '../shared/domain/result.ts';
import { createToken } from '../shared/domain/token.ts';
import { hashToken } from './store/credential.ts';
import type { Store } from './store/store.ts';

/** A token that lets one laptop join, once. Shown now and never again: the store keeps its hash. */
export interface JoinToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Makes a join token that is good for `lifetime` milliseconds. Fails as the store fails. */
export async function createJoinToken(
  store: Store,
  lifetime: number,
  now: number,
): Promise<Result<JoinToken, Failure>> {
  const token = createToken('join', randomBytes);
  const expiresAt = now + lifetime;
  const stored = await store.createJoinToken({ hash: hashToken(token), createdAt: now, expiresAt });
  return stored.ok ? ok({ token, expiresAt }) : stored;
}
