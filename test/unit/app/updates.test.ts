import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { UpdateNews } from '../../../main/app/host.ts';
import { createUpdates, feedOf, type Updater } from '../../../main/app/updates.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** An updater that finds what a test says, and remembers what was asked of it. */
class FakeUpdater extends EventEmitter implements Updater {
  autoDownload = true;
  autoInstallOnAppQuit = true;
  readonly asked: string[] = [];
  found: string | undefined;
  /** What goes wrong: an error's code, or `inactive` where nothing can be replaced. */
  fault: string | undefined;
  /** Answers no more. */
  silent = false;
  async checkForUpdates(): Promise<{ readonly isUpdateAvailable: boolean } | null> {
    this.asked.push('check');
    if (this.silent) await Promise.withResolvers().promise;
    if (this.fault === 'inactive') return null;
    if (this.fault !== undefined) this.#fail(this.fault);
    if (this.found !== undefined) this.emit('update-available', { version: this.found });
    return { isUpdateAvailable: this.found !== undefined };
  }
  async downloadUpdate(): Promise<void> {
    this.asked.push('download');
    if (this.fault !== undefined) this.#fail(this.fault);
  }
  quitAndInstall(): void {
    this.asked.push('install');
  }
  /** As the real one does: it emits what it throws. */
  #fail(code: string): never {
    const error = Object.assign(new Error('it failed'), { code });
    this.emit('error', error);
    throw error;
  }
}

function stand() {
  const clock = new ManualClock();
  const updater = new FakeUpdater();
  const ends: (() => void)[] = [];
  const load = async (): Promise<Updater> => updater;
  const updates = createUpdates({ load, clock, endWith: (last) => void ends.push(last) });
  const told: UpdateNews[] = [];
  updates.on(() => void told.push(updates.news()));
  const settle = async (ms = 0): Promise<void> => {
    clock.advance(ms);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { clock, updater, told, ends, updates, settle };
}

describe('newer versions', () => {
  it('are looked for a little after the start, and neither downloaded nor installed unasked', async () => {
    const { clock, updater, updates, settle } = stand();
    updates.watch();
    updater.found = '2.0.0';
    expect(updater.asked).toEqual([]);
    await settle(10_000);
    expect(updater.asked).toEqual(['check']);
    expect([updater.autoDownload, updater.autoInstallOnAppQuit]).toEqual([false, false]);
    expect(updates.news()).toEqual({
      update: { version: '2.0.0', state: 'available' },
      look: { state: 'found', at: clock.now() },
    });
    await settle(6 * 3_600_000);
    expect(updater.asked).toEqual(['check', 'check']);
  });

  it('are looked for on the user’s word, watched or not, once at a time', async () => {
    const { clock, updater, told, updates, settle } = stand();
    const began = clock.now();
    updates.look();
    updates.look();
    clock.advance(5);
    await settle();
    expect(told).toEqual([{ look: { state: 'looking', at: began } }, { look: { state: 'none', at: began + 5 } }]);
    updates.look();
    await settle();
    expect(updater.asked).toEqual(['check', 'check']);
  });

  it('are downloaded and installed on the user’s word, after the app has ended in good order', async () => {
    const { updater, told, ends, updates, settle } = stand();
    updater.found = '2.0.0';
    updates.look();
    await settle();
    updates.install();
    expect(ends).toEqual([]);
    told.length = 0;
    updates.download();
    updates.download();
    updater.emit('download-progress', { percent: 57.3 });
    updates.look();
    updater.emit('update-downloaded', { version: '2.0.0' });
    expect(told.map(({ update }) => update)).toEqual([
      { version: '2.0.0', state: 'downloading', progress: 0 },
      { version: '2.0.0', state: 'downloading', progress: 0.5 },
      { version: '2.0.0', state: 'ready' },
    ]);
    updates.install();
    expect(updater.asked).toEqual(['check', 'download']);
    for (const end of ends) end();
    expect(updater.asked).toEqual(['check', 'download', 'install']);
  });

  it('stay ready when they are found again, until there is a newer one', async () => {
    const { updater, updates, settle } = stand();
    const lookFor = async (version: string | undefined): Promise<unknown> => {
      updater.found = version;
      updates.look();
      await settle();
      return updates.news().update;
    };
    await lookFor('2.0.0');
    updates.download();
    updater.emit('update-downloaded', { version: '2.0.0' });
    expect(await lookFor('2.0.0')).toEqual({ version: '2.0.0', state: 'ready' });
    expect(await lookFor('2.1.0')).toEqual({ version: '2.1.0', state: 'available' });
    // Taken back by whoever made it.
    expect(await lookFor(undefined)).toBeUndefined();
  });

  it('that cannot be downloaded are said to have failed, and can be tried again', async () => {
    const { updater, updates, settle } = stand();
    updater.found = '2.0.0';
    updates.look();
    await settle();
    updater.fault = 'ERR_CHECKSUM_MISMATCH';
    updates.download();
    await settle();
    expect(updates.news().update).toEqual({ version: '2.0.0', state: 'failed', why: 'unusable' });
    updater.fault = undefined;
    updates.download();
    expect(updates.news().update).toMatchObject({ state: 'downloading' });
  });

  it.each([
    ['ENOTFOUND', 'unreachable'],
    ['HTTP_ERROR_503', 'unusable'],
    ['ERR_UPDATER_CHANNEL_FILE_NOT_FOUND', 'unusable'],
    ['ENOSPC', 'disk'],
    ['ERR_UPDATER_OLD_FILE_NOT_FOUND', 'package'],
    ['inactive', 'package'],
  ] as const)('that cannot be looked for are told with the kind of trouble: %s is %s', async (fault, why) => {
    const { clock, updater, updates, settle } = stand();
    updater.fault = fault;
    updates.look();
    await settle();
    expect(updates.news()).toEqual({ look: { state: 'failed', at: clock.now(), why } });
  });

  it('are not waited for without end', async () => {
    const { updater, updates, settle } = stand();
    updater.silent = true;
    updates.look();
    await settle(59_999);
    expect(updates.news().look?.state).toBe('looking');
    await settle(1);
    expect(updates.news().look).toMatchObject({ state: 'failed', why: 'unreachable' });
  });

  it('are no more looked for once nobody wants that, while what was asked for goes on', async () => {
    const { updater, updates, settle } = stand();
    const stop = updates.watch();
    await settle(10_000);
    stop();
    await settle(24 * 3_600_000);
    expect(updater.asked).toEqual(['check']);
    updater.found = '2.0.0';
    updates.look();
    await settle();
    updates.download();
    updater.emit('update-downloaded', { version: '2.0.0' });
    expect(updates.news().update).toEqual({ version: '2.0.0', state: 'ready' });
  });

  it.each([
    ['https://updates.example.com/porthole', 'https://updates.example.com/porthole'],
    ['http://127.0.0.1:8000/', 'http://127.0.0.1:8000/'],
    ['http://updates.example.com/', undefined],
    ['file:///tmp', undefined],
    ['updates', undefined],
    [undefined, undefined],
  ])('come from https or from this machine: %s', (text, feed) => {
    expect(feedOf(text)).toBe(feed);
  });
});
