/** An app whose embedded edge takes its time to start: what becomes of a call that came before. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { expect, it } from 'vitest';
import { openConfSettings } from '../../main/app/conf-settings.ts';
import { createApp } from '../../main/app/create-app.ts';
import { spawnEdge } from '../../main/app/edge-process.ts';
import type { Host } from '../../main/app/host.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { must } from '../compliance/data.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ENTRY = path.resolve(import.meta.dirname, '../../edge/main.ts');

const hostWith = (spawn: Host['spawnEdge']): Host => ({
  kind: 'headless',
  version: '0.0.0',
  openExternal: async () => false,
  writeClipboard: async () => false,
  spawnEdge: spawn,
  openSettings: openConfSettings,
  quit: () => {},
});

it('publishes once it has joined anew, however long the edge took to start', async () => {
  using home = temporaryFolder();
  const options = { home: home.path, env: {}, logger: silentLogger };
  const before = must(
    await createApp(
      hostWith((args) => spawnEdge(ENTRY, args)),
      options,
    ),
  );
  const old = await before.dispatch('services:publish', { port: 3000, name: 'old' });
  await before.close();
  expect(old.ok).toBe(true);
  // What the app keeps to prove itself with means nothing to the next edge.
  rmSync(path.join(home.path, 'edge'), { recursive: true });
  const said = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  const slow: Host['spawnEdge'] = (args) => {
    const edge = spawnEdge(ENTRY, args);
    const held = new Transform({
      transform(chunk, _, done) {
        said.resolve();
        void heard.promise.then(() => done(null, chunk));
      },
    });
    return { ...edge, stdout: edge.stdout.pipe(held) };
  };
  const clock = new ManualClock(Date.now());
  const app = must(await createApp(hostWith(slow), { ...options, clock }));
  try {
    const published = app.dispatch('services:publish', { port: 3000, name: 'new' });
    await said.promise;
    clock.advance(5_000);
    heard.resolve();
    expect(await published).toMatchObject({ ok: true, value: { domain: 'new.localhost' } });
  } finally {
    heard.resolve();
    await app.close();
  }
});
