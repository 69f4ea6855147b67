import { createHash, timingSafeEqual } from 'node:crypto';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { tokenFault } from '../../shared/domain/token.ts';
import type { Agent, Store } from './store.ts';

/** What the store keeps of a token: SHA-256, lower-case hex. Tokens are 256 random bits, so no slow hash is needed. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * The agent that `credential` (`pha_…`) belongs to. Fails with `credential_unknown`, or as the store fails. The
 * look-up goes by hash, which says nothing about the credential; the comparison is in constant time all the same.
 */
export async function authenticate(store: Store, credential: string): Promise<Result<Agent, Failure>> {
  if (tokenFault('agent', credential) !== undefined) return err(failure('credential_unknown'));
  const hash = hashToken(credential);
  const found = await store.agentByCredential(hash);
  if (!found.ok) return found;
  const agent = found.value;
  if (agent === undefined || !timingSafeEqual(Buffer.from(agent.credentialHash), Buffer.from(hash)))
    return err(failure('credential_unknown'));
  return ok(agent);
}
