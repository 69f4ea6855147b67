import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { Secrets } from '../guard.ts';
import { Hasher } from './argon2.ts';
import type { ClusterKey } from './cluster-key.ts';
import { newKeyPair } from './session-keys.ts';

/** Turns what owners of services choose into what may be stored. */
export interface Keeper {
  /** Argon2id in PHC form. Fails with `login_busy`. */
  hash(secret: string): Promise<Result<string, Failure>>;
  /** A new key pair for sessions, its private half sealed. */
  keyPair(): Pick<Secrets, 'publicKey' | 'privateKey'>;
}

/** A keeper with a hasher of its own: visitors who guess keep no owner waiting. */
export function createKeeper(key: ClusterKey): Keeper {
  const hasher = new Hasher({ slots: 1, places: 64 });
  return {
    async hash(secret) {
      const hash = await hasher.hash(secret);
      return hash === 'busy' ? err(failure('login_busy')) : ok(hash);
    },
    keyPair: () => newKeyPair(key),
  };
}
