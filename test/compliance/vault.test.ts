/** What every vault promises, asked of each; the fakes stand for what this machine lacks. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SafeStorage } from '../../main/app/host.ts';
import { createFileVault } from '../../main/app/vault/file-vault.ts';
import { createKeychainVault, type Keychain, probeKeychain } from '../../main/app/vault/keychain-vault.ts';
import { createMemoryVault } from '../../main/app/vault/memory-vault.ts';
import { openVault, reopenVault } from '../../main/app/vault/open-vault.ts';
import { createSafeStorageVault } from '../../main/app/vault/safe-storage-vault.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type VaultKind, vaultSuite } from './vault.ts';

function fakeKeychain(): Keychain {
  const entries = new Map<string, string>();
  const key = (service: string, account: string) => JSON.stringify([service, account]);
  return {
    getPassword: async (s, a) => entries.get(key(s, a)) ?? null,
    async setPassword(s, a, password) {
      entries.set(key(s, a), password);
    },
    deletePassword: async (s, a) => entries.delete(key(s, a)),
  };
}

const xor = (bytes: Uint8Array): Uint8Array => bytes.map((b) => b ^ 0x5a);
const fakeStorage: SafeStorage = {
  available: async () => true,
  encrypt: async (text) => xor(Buffer.from(text)),
  decrypt: async (bytes) => Buffer.from(xor(bytes)).toString(),
};

const VAULTS: readonly VaultKind[] = [
  {
    name: 'memory',
    keeps: false,
    create: () => createMemoryVault,
  },
  {
    name: 'keychain',
    keeps: true,
    create: (folder) => {
      const keychain = fakeKeychain();
      return () => createKeychainVault(keychain, folder);
    },
  },
  {
    name: 'safe storage',
    keeps: true,
    create: (folder) => () => createSafeStorageVault(path.join(folder, 's.json'), fakeStorage),
  },
  {
    name: 'file with a passphrase',
    keeps: true,
    create: (folder) => () => createFileVault(path.join(folder, 'v.json'), { passphrase: 'correct horse' }),
  },
  {
    name: 'file with a key file',
    keeps: true,
    create: (folder) => () => createFileVault(path.join(folder, 'v.json'), { keyFile: path.join(folder, 'v.key') }),
  },
];

vaultSuite(VAULTS);

describe('the file vault', () => {
  it('writes 0600 files that show no secret', async () => {
    using folder = temporaryFolder();
    const files = { data: path.join(folder.path, 'v.json'), key: path.join(folder.path, 'v.key') };
    await createFileVault(files.data, { keyFile: files.key }).set('agent', 'pha_secret');
    for (const file of Object.values(files)) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(files.data, 'utf8')).not.toContain('pha_secret');
  });

  it('refuses a wrong passphrase and a damaged file, and keeps what is there', async () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, 'v.json');
    await createFileVault(file, { passphrase: 'right' }).set('agent', 'kept');
    const wrong = createFileVault(file, { passphrase: 'wrong' });
    expect(await wrong.get('agent')).toMatchObject({ ok: false, error: { code: 'vault_failed' } });
    expect(await wrong.set('agent', 'new')).toMatchObject({ ok: false, error: { code: 'vault_failed' } });
    expect(await createFileVault(file, { passphrase: 'right' }).get('agent')).toEqual({ ok: true, value: 'kept' });
    writeFileSync(file, '{"version":1');
    const damaged = await createFileVault(file, { passphrase: 'right' }).get('agent');
    expect(damaged).toMatchObject({ ok: false, error: { message: expect.stringContaining('the file is damaged') } });
  });
});

describe('the keychain vault', () => {
  const locked: Keychain = {
    getPassword: async () => null,
    setPassword: () => new Promise(() => {}),
    deletePassword: () => new Promise(() => {}),
  };

  it('does not take the silence of a locked keyring for "no secret"', async () => {
    const vault = createKeychainVault(locked, '/home/a', 'Porthole', 10);
    expect(await vault.get('agent')).toMatchObject({ ok: false, error: { code: 'vault_failed' } });
  });

  it('waits no longer than its timeout', async () => {
    expect(await probeKeychain(locked, 'Porthole', 10)).toBe(false);
    const vault = createKeychainVault(locked, '/home/a', 'Porthole', 10);
    expect(await vault.set('agent', 'x')).toMatchObject({ ok: false, error: { code: 'vault_failed' } });
  });

  it('tells homes apart', async () => {
    const keychain = fakeKeychain();
    await createKeychainVault(keychain, '/home/a').set('agent', 'a');
    expect(await createKeychainVault(keychain, '/home/b').get('agent')).toEqual({ ok: true, value: undefined });
  });

  it('leaves nothing behind after a probe', async () => {
    const accounts = new Set<string>();
    const keychain = fakeKeychain();
    const spied: Keychain = {
      ...keychain,
      setPassword(s, a, p) {
        accounts.add(a);
        return keychain.setPassword(s, a, p);
      },
    };
    expect(await probeKeychain(spied)).toBe(true);
    for (const account of accounts) expect(await keychain.getPassword('Porthole', account)).toBeNull();
    expect(accounts.size).toBe(1);
  });
});

describe('the choice of a vault', () => {
  const place = (folder: string, more: object = {}) => ({
    home: folder,
    host: { kind: 'web' as const },
    passphrase: undefined,
    loadKeychain: async (): Promise<Keychain | undefined> => undefined,
    ...more,
  });

  it.each([
    ['memory', 'a window without anything', {}],
    ['file', 'a server without anything', { host: { kind: 'headless' } }],
    ['file', 'a passphrase', { passphrase: 'hush' }],
    ['keychain', 'a keychain that works', { loadKeychain: async () => fakeKeychain() }],
    ['safe-storage', 'a secret box', { host: { kind: 'electron', safeStorage: fakeStorage } }],
    ['memory', 'a binding that does not load', { loadKeychain: () => Promise.reject(new Error('no libsecret')) }],
  ])('is %s with %s', async (kind, _, more) => {
    using folder = temporaryFolder();
    expect((await openVault(place(folder.path, more))).kind).toBe(kind);
  });

  it('looks for a secret where it was put, even where that cannot be reached', async () => {
    using folder = temporaryFolder();
    const vault = await reopenVault(place(folder.path), 'keychain');
    expect(vault.kind).toBe('keychain');
    expect(await vault.get('agent')).toMatchObject({ ok: false, error: { code: 'vault_failed' } });
  });
});
