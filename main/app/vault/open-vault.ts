import { join } from 'node:path';
import { failure } from '../../../shared/domain/failure.ts';
import { type Because, because } from '../../../shared/domain/reason.ts';
import { err } from '../../../shared/domain/result.ts';
import type { Host } from '../host.ts';
import { createFileVault } from './file-vault.ts';
import { createKeychainVault, type Keychain, probeKeychain } from './keychain-vault.ts';
import { createMemoryVault } from './memory-vault.ts';
import { createSafeStorageVault } from './safe-storage-vault.ts';
import type { Vault } from './vault.ts';

export interface VaultPlace {
  readonly home: string;
  readonly host: Pick<Host, 'kind' | 'safeStorage'>;
  /** `PORTHOLE_PASSPHRASE`. */
  readonly passphrase: string | undefined;
  /** Loads the keychain's binding; rejects or yields `undefined` where there is none. */
  readonly loadKeychain: () => Promise<Keychain | undefined>;
}

/**
 * The best vault that works here: a passphrase that the user set decides; else the keychain, the session's secret
 * box, and for an agent without a window a file with a key file beside it, since a server must find its cluster again
 * after a restart. A window without any of them keeps secrets in memory and says so.
 */
export async function openVault(place: VaultPlace): Promise<Vault> {
  const { host, passphrase } = place;
  if (passphrase !== undefined && passphrase !== '') return reopenVault(place, 'file');
  // A native binding that is missing or can't load is the same as no keychain.
  const keychain = await place.loadKeychain().catch(() => undefined);
  if (keychain !== undefined && (await probeKeychain(keychain))) return createKeychainVault(keychain, place.home);
  if (host.safeStorage !== undefined && (await host.safeStorage.available())) return reopenVault(place, 'safe-storage');
  return reopenVault(place, host.kind === 'headless' ? 'file' : 'memory');
}

/**
 * The vault of `kind`, whether it works at the moment or not: a secret is looked for where it was put. A keychain that
 * is locked today must not make the laptop forget its cluster. What can't exist here answers every call with a failure.
 */
export async function reopenVault(place: VaultPlace, kind: Vault['kind']): Promise<Vault> {
  const { home, host, passphrase } = place;
  if (kind === 'memory') return createMemoryVault();
  if (kind === 'file')
    return createFileVault(
      join(home, 'vault.json'),
      passphrase ? { passphrase } : { keyFile: join(home, 'vault.key') },
    );
  if (kind === 'safe-storage')
    return host.safeStorage === undefined
      ? createAbsentVault(kind, because('in_desktop_app'))
      : createSafeStorageVault(join(home, 'safe-storage.json'), host.safeStorage);
  const keychain = await place.loadKeychain().catch(() => undefined);
  return keychain === undefined
    ? createAbsentVault(kind, because('keychain_none'))
    : createKeychainVault(keychain, home);
}

/** Stands for a vault that cannot be had: what is in it is neither lost nor at hand. */
function createAbsentVault(kind: Vault['kind'], reason: Because): Vault {
  const refuse = async () => err(failure('vault_failed', { reason }));
  return { kind, get: refuse, set: refuse, delete: refuse };
}

/**
 * The vault of the embedded edge's own credential: always a file. It protects nothing that the same folder doesn't
 * hold anyway (the edge's database and its private CA lie there), and a machine without a keychain must find
 * yesterday's services again.
 */
export const openEmbeddedVault = (home: string): Vault =>
  createFileVault(join(home, 'embedded.json'), { keyFile: join(home, 'embedded.key') });

/** Loads `keytar` when it is first needed: the binding costs time at every start and most starts need none. */
export async function loadKeytar(): Promise<Keychain | undefined> {
  const binding: { readonly default?: Keychain } & Partial<Keychain> = await import('keytar');
  return binding.default ?? (isKeychain(binding) ? binding : undefined);
}

const isKeychain = (binding: Partial<Keychain>): binding is Keychain => typeof binding.getPassword === 'function';
