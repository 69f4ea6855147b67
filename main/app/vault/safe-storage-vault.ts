import { z } from 'zod';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import { systemReason } from '../../../shared/node/system-reason.ts';
import type { SafeStorage } from '../host.ts';
import { readIfPresent, writePrivate } from '../private-file.ts';
import type { Vault } from './vault.ts';

const contents = z.record(z.string(), z.base64());

/** Secrets in one 0600 file, each encrypted by the session's secret box. */
export function createSafeStorageVault(path: string, storage: SafeStorage): Vault {
  const read = () => {
    const text = readIfPresent(path);
    return text === undefined ? {} : contents.parse(JSON.parse(text));
  };
  const refuse = (error: unknown) =>
    err(failure('vault_failed', { reason: because('of_file', { path, reason: systemReason(error) }) }));
  return {
    kind: 'safe-storage',
    async get(name) {
      try {
        const all = read();
        const sealed = Object.hasOwn(all, name) ? all[name] : undefined;
        return ok(sealed === undefined ? undefined : await storage.decrypt(Buffer.from(sealed, 'base64')));
      } catch (error) {
        return refuse(error);
      }
    },
    async set(name, secret) {
      try {
        const sealed = Buffer.from(await storage.encrypt(secret)).toString('base64');
        // Read after the wait, so that two writes at once keep both secrets.
        writePrivate(path, `${JSON.stringify({ ...read(), [name]: sealed })}\n`);
        return ok(null);
      } catch (error) {
        return refuse(error);
      }
    },
    async delete(name) {
      try {
        const { [name]: sealed, ...rest } = read();
        if (sealed !== undefined) writePrivate(path, `${JSON.stringify(rest)}\n`);
        return ok(null);
      } catch (error) {
        return refuse(error);
      }
    },
  };
}
