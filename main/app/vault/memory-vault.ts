import { ok } from '../../../shared/domain/result.ts';
import type { Vault } from './vault.ts';

/** The last resort: secrets are gone when the process ends, and the user interface says so. */
export function createMemoryVault(): Vault {
  const secrets = new Map<string, string>();
  return {
    kind: 'memory',
    get: async (name) => ok(secrets.get(name)),
    async set(name, secret) {
      secrets.set(name, secret);
      return ok(null);
    },
    async delete(name) {
      secrets.delete(name);
      return ok(null);
    },
  };
}
