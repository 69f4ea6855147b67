import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStore } from '../../edge/store/create-store.ts';
import { must, NOW } from './data.ts';
import { storeCompliance } from './store.ts';
import { accessCompliance } from './store-access.ts';

storeCompliance('SQLite in memory', async () => {
  const store = must(createStore({ dataDir: ':memory:', serve: true }));
  return { store, dispose: () => store.close() };
});

storeCompliance('SQLite in a file', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'porthole-store-'));
  let store = must(createStore({ dataDir, serve: true }));
  return {
    store,
    reopen: async () => {
      await store.close();
      store = must(createStore({ dataDir, serve: true }));
      return store;
    },
    dispose: async () => {
      await store.close();
      await rm(dataDir, { recursive: true });
    },
  };
});

accessCompliance('SQLite in memory', async () => {
  const store = must(createStore({ dataDir: ':memory:', serve: true, now: () => NOW }));
  return { store, dispose: () => store.close() };
});
