/** What the settings promise, asked of both libraries that keep them; `electron-store` runs in the stand-in. */
import '../standin/hooks.ts';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openConfSettings } from '../../main/app/conf-settings.ts';
import { createSettings, type SettingsFile, type SettingsStore } from '../../main/app/settings.ts';
import { openElectronSettings } from '../../main/desktop/settings.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import { temporaryFolder } from '../support/folder.ts';

type Open = (home: string, now?: () => number) => Promise<Result<SettingsStore, Failure>>;

const OPENERS: readonly { readonly name: string; readonly open: Open; readonly other: Open }[] = [
  { name: 'conf', open: openConfSettings, other: openElectronSettings },
  { name: 'electron-store', open: openElectronSettings, other: openConfSettings },
];

function must<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const fileIn = (home: string): string => path.join(home, 'settings.json');
const target = (port: number) => ({ type: 'agent' as const, host: 'localhost', port });

describe.each(OPENERS)('settings kept by $name', ({ open, other }) => {
  it('begin empty, without a file', async () => {
    using folder = temporaryFolder();
    const store = must(await open(folder.path));
    expect(store.get()).toEqual({ embedded: { allowed: [] }, trusted: [] });
    expect(store.setAside).toBeUndefined();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('are one file of their owner alone, which the other library reads', async () => {
    using folder = temporaryFolder();
    const written = must(must(await open(folder.path)).set({ embedded: { httpsPort: 8443, allowed: [target(3000)] } }));
    expect(statSync(fileIn(folder.path)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['settings.json']);
    expect(must(await open(folder.path)).get()).toEqual(written);
    expect(must(await other(folder.path)).get()).toEqual(written);
  });

  it('close a file that others could read', async () => {
    using folder = temporaryFolder();
    writeFileSync(fileIn(folder.path), '{}');
    chmodSync(fileIn(folder.path), 0o644);
    must(must(await open(folder.path)).set({ trusted: ['aa'] }));
    expect(statSync(fileIn(folder.path)).mode & 0o777).toBe(0o600);
  });

  it('keep sections that they do not know', async () => {
    using folder = temporaryFolder();
    writeFileSync(fileIn(folder.path), '\uFEFF{"later": {"a": 1}, "embedded": {"allowed": [], "more": [1]}}');
    must(must(await open(folder.path)).set({ trusted: ['aa'] }));
    expect(JSON.parse(readFileSync(fileIn(folder.path), 'utf8'))).toMatchObject({ later: { a: 1 }, trusted: ['aa'] });
  });

  it('drop a section that is set to undefined', async () => {
    using folder = temporaryFolder();
    const joined = { host: 'h', port: 443, domain: 'd', agentId: 'a', vault: 'file' as const, allowed: [] };
    const store = must(await open(folder.path));
    must(store.set({ joined, trusted: ['aa'] }));
    must(store.set({ joined: undefined }));
    expect(Object.keys(store.get())).not.toContain('joined');
    expect(JSON.parse(readFileSync(fileIn(folder.path), 'utf8'))).toEqual({
      embedded: { allowed: [] },
      trusted: ['aa'],
    });
  });

  it.each(['', '{"embedded": ', '[]', 'null', '{"trusted": 5}'])('set a damaged file aside: %j', async (text) => {
    using folder = temporaryFolder();
    writeFileSync(fileIn(folder.path), text);
    const store = must(await open(folder.path, () => 0));
    expect(store.get().trusted).toEqual([]);
    expect(store.setAside).toBe(`${fileIn(folder.path)}.damaged-1970-01-01T00-00-00-000Z`);
    expect(readFileSync(store.setAside ?? '', 'utf8')).toBe(text);
    must(store.set({ trusted: ['aa'] }));
    expect(must(await open(folder.path)).get().trusted).toEqual(['aa']);
    expect(readFileSync(store.setAside ?? '', 'utf8')).toBe(text);
  });

  it('that cannot be read are refused, and not set aside', async () => {
    using folder = temporaryFolder();
    mkdirSync(fileIn(folder.path));
    expect(await open(folder.path)).toMatchObject({ ok: false, error: { code: 'home_unwritable' } });
    expect(readdirSync(folder.path)).toEqual(['settings.json']);
  });

  it('stay as they were when they cannot be written', async () => {
    using folder = temporaryFolder();
    const store = must(await open(folder.path));
    // A folder in the file's place can't be replaced by a file.
    mkdirSync(fileIn(folder.path));
    expect(store.set({ trusted: ['aa'] })).toMatchObject({ ok: false, error: { code: 'home_unwritable' } });
    expect(store.get().trusted).toEqual([]);
    await expect.poll(() => readdirSync(folder.path)).toEqual(['settings.json']);
  });
});

describe('settings on a disk that runs full', () => {
  it('are put back when only a part of them was written', () => {
    let text = '{"trusted": ["old"]}';
    let room = 30;
    const file: SettingsFile = {
      get store() {
        return JSON.parse(text);
      },
      set store(value) {
        text = JSON.stringify(value).slice(0, room);
        room = Number.POSITIVE_INFINITY;
      },
    };
    const store = must(createSettings('/home/u', () => file));
    expect(store.set({ trusted: ['new'] })).toMatchObject({ ok: false, error: { code: 'home_unwritable' } });
    expect(store.get().trusted).toEqual(['old']);
    expect(JSON.parse(text)).toMatchObject({ trusted: ['old'] });
    expect(must(store.set({ trusted: ['new'] })).trusted).toEqual(['new']);
  });
});
