import { randomBytes } from 'node:crypto';
import type { Failure } from '../../../shared/domain/failure.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import type { Vault } from './vault.ts';

/** The part of `keytar` in use. Every call may hang for as long as a password prompt of the desktop is open. */
export interface Keychain {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, password: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
}

/** Milliseconds for one call. A locked keyring without anyone to unlock it never answers. */
const CALL_TIMEOUT = 4_000;

/**
 * The operating system's keychain. `account` names tell homes apart: two Porthole homes of one user must not
 * overwrite each other's credential.
 */
export function createKeychainVault(
  keychain: Keychain,
  home: string,
  service = 'Porthole',
  timeout = CALL_TIMEOUT,
): Vault {
  const account = (name: string): string => `${name} (${home})`;
  const call = <T>(work: () => Promise<T>) => within(work, timeout);
  return {
    kind: 'keychain',
    async get(name) {
      const found = await call(() => keychain.getPassword(service, account(name)));
      if (!found.ok) return found;
      if (found.value !== null) return ok(found.value);
      // A locked keyring answers null too. Only one that takes a value and gives it back has really been asked.
      const open = await probeKeychain(keychain, service, timeout);
      return open ? ok(undefined) : err(failure('vault_failed', { reason: because('keychain_locked') }));
    },
    async set(name, secret) {
      const done = await call(() => keychain.setPassword(service, account(name), secret));
      return done.ok ? ok(null) : done;
    },
    async delete(name) {
      const done = await call(() => keychain.deletePassword(service, account(name)));
      return done.ok ? ok(null) : done;
    },
  };
}

/** Whether the keychain keeps secrets right now: writes a random value, reads it back and deletes it. */
export async function probeKeychain(
  keychain: Keychain,
  service = 'Porthole',
  timeout = CALL_TIMEOUT,
): Promise<boolean> {
  const account = `probe-${randomBytes(8).toString('hex')}`;
  const value = randomBytes(16).toString('hex');
  const wrote = await within(() => keychain.setPassword(service, account, value), timeout);
  if (!wrote.ok) return false;
  const read = await within(() => keychain.getPassword(service, account), timeout);
  await within(() => keychain.deletePassword(service, account), timeout);
  return read.ok && read.value === value;
}

async function within<T>(work: () => Promise<T>, timeout: number): Promise<Result<T, Failure>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Result<T, Failure>>((resolve) => {
    timer = setTimeout(() => resolve(err(failure('vault_failed', { reason: because('keychain_silent') }))), timeout);
  });
  const done = work().then(
    (value) => ok(value),
    (error: unknown) =>
      err(failure('vault_failed', { reason: error instanceof Error ? error.message : because('keychain_refused') })),
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
