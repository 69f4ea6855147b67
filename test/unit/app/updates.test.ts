import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createUpdates, feedOf, type Updater } from '../../../main/app/updates.ts';
import type { UpdateState } from '../../../shared/contract/agent-state.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** An updater that finds what a test says, and remembers what was asked of it. */
class FakeUpdater extends EventEmitter implements Updater {
  autoDownload = true;
  autoInstallOnAppQuit = true;
  readonly asked: string[] = [];
  found: string | undefined;
  fails = false;
  async checkForUpdates(): Promise<void> {
    this.asked.push('check');
    if (this.fails) throw new Error('offline');
    if (this.found !== undefined) this.emit('update-available', { version: this.found });
  }
  async downloadUpdate(): Promise<void> {
    this.asked.push('download');
    if (this.fails) throw new Error('offline');
  }
  quitAndInstall(): void {
    this.asked.push('install');
  }
}

function stand() {
  const clock = new ManualClock();
  const updater = new FakeUpdater();
  const told: UpdateState[] = [];
  const ends: (() => void)[] = [];
  const load = async (): Promise<Updater> => updater;
  const updates = createUpdates({ load, clock, endWith: (last) => void ends.push(last) });
  const stop = updates.watch((update) => void told.push(update));
  const look = async (ms = 10_000): Promise<void> => {
    clock.advance(ms);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { clock, updater, told, ends, updates, stop, look };
}

describe('newer versions', () => {
  it('are looked for a little after the start, and neither downloaded nor installed unasked', async () => {
    const { updater, told, look } = stand();
    updater.found = '2.0.0';
    expect(updater.asked).toEqual([]);
    await look();
    expect(updater.asked).toEqual(['check']);
    expect([updater.autoDownload, updater.autoInstallOnAppQuit]).toEqual([false, false]);
    expect(told).toEqual([{ version: '2.0.0', state: 'available' }]);
    await look(6 * 3_600_000);
    expect(updater.asked).toEqual(['check', 'check']);
  });

  it('are downloaded and installed on the user’s word, after the app has ended in good order', async () => {
    const { updater, told, ends, updates, look } = stand();
    updater.found = '2.0.0';
    await look();
    updates.install();
    expect(ends).toEqual([]);
    updates.download();
    updates.download();
    updater.emit('download-progress', { percent: 57.3 });
    updater.emit('update-downloaded', { version: '2.0.0' });
    expect(told.slice(1)).toEqual([
      { version: '2.0.0', state: 'downloading', progress: 0 },
      { version: '2.0.0', state: 'downloading', progress: 0.5 },
      { version: '2.0.0', state: 'ready' },
    ]);
    updates.install();
    expect(updater.asked).toEqual(['check', 'download']);
    for (const end of ends) end();
    expect(updater.asked).toEqual(['check', 'download', 'install']);
  });

  it('that cannot be downloaded are said to have failed, and can be tried again', async () => {
    const { updater, told, updates, look } = stand();
    updater.found = '2.0.0';
    await look();
    updater.fails = true;
    updates.download();
    await look(0);
    expect(told.at(-1)).toMatchObject({ version: '2.0.0', state: 'failed' });
    updater.fails = false;
    updates.download();
    expect(told.at(-1)).toMatchObject({ state: 'downloading' });
  });

  it('are not missed aloud where nothing can be looked at, and no more looked for once nobody wants to know', async () => {
    const { updater, told, stop, look } = stand();
    updater.fails = true;
    await look();
    expect(told).toEqual([]);
    stop();
    await look(24 * 3_600_000);
    expect(updater.asked).toEqual(['check']);
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
