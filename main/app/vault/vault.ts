import type { AgentState } from '../../../shared/contract/agent-state.ts';
import type { Failure } from '../../../shared/domain/failure.ts';
import type { Result } from '../../../shared/domain/result.ts';

/**
 * Where secrets are kept. Names are short identifiers of ours; values are text up to 16 KiB. Every failure is
 * `vault_failed`, and after one nothing is known about the secret: it may still be there.
 */
export interface Vault {
  readonly kind: AgentState['vault'];
  /** `undefined` only when there certainly is no such secret. */
  get(name: string): Promise<Result<string | undefined, Failure>>;
  set(name: string, secret: string): Promise<Result<null, Failure>>;
  /** Deleting what isn't there is a success. */
  delete(name: string): Promise<Result<null, Failure>>;
}
