/** What every vault promises, asked of fakes in `npm test` and of a real keyring in `npm run test:optional`. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Vault } from '../../main/app/vault/vault.ts';
import { temporaryFolder } from '../support/folder.ts';

export interface VaultKind {
  readonly name: string;
  /** Survives being opened anew. */
  readonly keeps: boolean;
  /** Makes a vault in a folder; twice in one folder yields the same content, unless it forgets. */
  readonly create: (folder: string) => () => Vault;
}

/** Asks each of `vaults`. */
export function vaultSuite(vaults: readonly VaultKind[]): void {
  describe.each(vaults)('a vault of kind $name', ({ create }) => {
    it('knows nothing at first', async () => {
      using folder = temporaryFolder();
      expect(await create(folder.path)().get('agent')).toEqual({ ok: true, value: undefined });
    });

    it('gives back what it was given, by name', async () => {
      using folder = temporaryFolder();
      const vault = create(folder.path)();
      const secret = `pha_${randomBytes(3000).toString('base64')} ü`;
      expect(await vault.set('agent', secret)).toEqual({ ok: true, value: null });
      await vault.set('other', 'another');
      expect(await vault.get('agent')).toEqual({ ok: true, value: secret });
      expect(await vault.get('other')).toEqual({ ok: true, value: 'another' });
      expect(await vault.get('constructor')).toEqual({ ok: true, value: undefined });
    });

    it('replaces and deletes', async () => {
      using folder = temporaryFolder();
      const vault = create(folder.path)();
      await vault.set('agent', 'one');
      await vault.set('agent', 'two');
      expect(await vault.get('agent')).toEqual({ ok: true, value: 'two' });
      expect(await vault.delete('agent')).toEqual({ ok: true, value: null });
      expect(await vault.delete('agent')).toEqual({ ok: true, value: null });
      expect(await vault.get('agent')).toEqual({ ok: true, value: undefined });
    });

    it('loses nothing when several are written at once', async () => {
      using folder = temporaryFolder();
      const vault = create(folder.path)();
      const names = ['a', 'b', 'c', 'd'];
      await Promise.all(names.map((name) => vault.set(name, `secret ${name}`)));
      for (const name of names) expect(await vault.get(name)).toEqual({ ok: true, value: `secret ${name}` });
    });
  });

  describe.each(vaults.filter((v) => v.keeps))('a vault of kind $name, opened again', ({ create }) => {
    it('finds its secrets', async () => {
      using folder = temporaryFolder();
      const open = create(folder.path);
      await open().set('agent', 'kept');
      expect(await open().get('agent')).toEqual({ ok: true, value: 'kept' });
    });
  });
}
