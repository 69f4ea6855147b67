import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStore, type StoreOptions } from '../../../edge/store/create-store.ts';
import { hashToken } from '../../../edge/store/credential.ts';
import type { Store } from '../../../edge/store/store.ts';
import { joinAgent, LIMITS, must, newAgent, newService } from '../../compliance/data.ts';

let dataDir: string;
const stores: Store[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'porthole-data-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    // Until it has gone it may still write to the folder.
    const gone = child.exitCode ?? child.signalCode;
    const exit = gone === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await exit;
  }
  for (const store of stores.splice(0)) await store.close();
  rmSync(dataDir, { recursive: true });
});

function open(more: Partial<StoreOptions> = {}): Store {
  const store = must(createStore({ dataDir, serve: true, ...more }));
  stores.push(store);
  return store;
}
const refusal = (more: Partial<StoreOptions> = {}): string => {
  const opened = createStore({ dataDir, serve: true, ...more });
  return opened.ok ? 'opened' : opened.error.code;
};

/** Starts `writer.ts` on the data folder; yields it and the lines it prints. */
function startWriter(...args: string[]): { child: ChildProcess; lines: AsyncIterator<string> } {
  const script = join(import.meta.dirname, 'writer.ts');
  const child = spawn(process.execPath, ['--expose-gc', script, dataDir, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

describe('the data folder', () => {
  it('is made with its parents, for the owner only', () => {
    const deep = join(dataDir, 'a', 'b');
    open({ dataDir: deep });
    for (const folder of [join(dataDir, 'a'), deep]) expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(deep).length).toBeGreaterThan(1);
    for (const name of readdirSync(deep)) expect(statSync(join(deep, name)).mode & 0o777).toBe(0o600);
  });

  it('is refused with the reason when it cannot be one', () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    expect(refusal({ dataDir: file })).toBe('data_unwritable');
    expect(refusal({ dataDir: join(file, 'below') })).toBe('data_unwritable');
    mkdirSync(join(dataDir, 'odd', 'edge.db'), { recursive: true });
    expect(refusal({ dataDir: join(dataDir, 'odd') })).toBe('data_unwritable');
  });

  it('serves one edge at a time and is free again when that has closed', async () => {
    const first = open();
    expect(refusal()).toBe('data_in_use');
    await first.close();
    expect(refusal({ serve: true })).toBe('opened');
  });

  it('stays claimed by who lives, whether or not anything there refers to its store', async () => {
    const { lines } = startWriter('idle');
    await lines.next();
    expect(refusal()).toBe('data_in_use');
  });

  it('is free again when its edge was killed', async () => {
    const { child, lines } = startWriter('idle');
    await lines.next();
    expect(refusal()).toBe('data_in_use');
    child.kill('SIGKILL');
    await once(child, 'exit');
    open();
  });

  it.each(['x', 'this is no lock at all'.repeat(500)])('is served though its lock file is damaged', async (text) => {
    const lock = join(dataDir, 'edge.lock');
    const first = open();
    const agent = await joinAgent(first);
    await first.close();
    writeFileSync(lock, text);
    const again = open();
    expect(must(await again.agents()).map((a) => a.id)).toEqual([agent.id]);
    await again.close();
    writeFileSync(lock, text);
    const { lines } = startWriter('idle');
    await lines.next();
    expect(refusal()).toBe('data_in_use');
    // Whatever becomes of the file, the claim of who holds it stands.
    writeFileSync(lock, text);
    expect(refusal()).toBe('data_in_use');
  });

  it('with damaged or newer data is left as it is', async () => {
    writeFileSync(join(dataDir, 'edge.db'), 'this is no database at all'.repeat(100));
    expect(refusal()).toBe('data_damaged');
    rmSync(join(dataDir, 'edge.db'));
    await open().close();
    const database = new DatabaseSync(join(dataDir, 'edge.db'));
    database.exec('update schema set version = 99');
    database.close();
    const opened = createStore({ dataDir, serve: true });
    expect(opened.ok ? '' : opened.error.message).toContain('schema 99');
    expect(refusal()).toBe('data_newer');
  });
});

describe('a command beside a running edge', () => {
  it('can make a join token, and the edge takes it', async () => {
    const edge = open({ pollInterval: 10 });
    const { child } = startWriter('token');
    await once(child, 'exit');
    expect((await edge.join(hashToken('from outside'), newAgent())).ok).toBe(true);
  });

  it('wakes the watchers of the edge when it changes the feed', async () => {
    const edge = open({ pollInterval: 10 });
    const agent = await joinAgent(edge);
    const before = must(await edge.revision());
    const woken = new Promise<void>((resolve) => edge.watch(resolve));
    const beside = open({ serve: false });
    must(await beside.createService(newService(agent.id, 'outside'), LIMITS));
    await woken;
    expect(must(await edge.changesSince(before)).services.map((s) => s.service?.domain)).toEqual(['outside.localhost']);
  });
});

describe('the store', () => {
  it('waits for a writer of another process without holding up its own thread', async () => {
    const edge = open();
    const agent = await joinAgent(edge);
    const other = new DatabaseSync(join(dataDir, 'edge.db'));
    other.exec('begin immediate');
    let done = false;
    const writing = edge.createService(newService(agent.id, 'patient'), LIMITS).finally(() => {
      done = true;
    });
    for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    other.exec('rollback');
    other.close();
    expect((await writing).ok).toBe(true);
  });

  it('has every write that it confirmed after a kill -9, and none by half', async () => {
    const { child, lines } = startWriter('write');
    const confirmed: string[] = [];
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      confirmed.push(line.value);
      if (confirmed.length === 40) child.kill('SIGKILL');
    }
    const store = open();
    const agents = must(await store.agents());
    expect(confirmed.length).toBeGreaterThanOrEqual(40);
    const { services } = must(await store.servicesOf(agents[0]?.id ?? ''));
    const domains = new Set(services.map((s) => s.service.domain));
    for (const domain of confirmed) expect(domains).toContain(domain);
    expect(must(await store.revision())).toBe(services.length + 1);
  });

  it('says that the disk is full, changes nothing, and goes on once there is room', async () => {
    const store = open({ maxBytes: 120 * 1024 });
    const agent = await joinAgent(store);
    const name = 'n'.repeat(200);
    let created = 0;
    let code = '';
    for (let i = 0; code === ''; i++) {
      const stored = await store.createService(newService(agent.id, `s${i}`, { name }), LIMITS);
      if (stored.ok) created++;
      else code = stored.error.code;
    }
    expect(code).toBe('data_full');
    expect(must(await store.revision())).toBe(created + 1);
    const { services } = must(await store.servicesOf(agent.id));
    expect(services).toHaveLength(created);
    await store.close();
    must(await open().createService(newService(agent.id, 'again'), LIMITS));
  });

  it('wakes the watchers for a change after one that found no room', async () => {
    const store = open({ maxBytes: 120 * 1024 });
    const agent = await joinAgent(store);
    const large = newService(agent.id, 'large', { name: 'n'.repeat(200 * 1024) });
    expect(await store.createService(large, LIMITS)).toMatchObject({ ok: false, error: { code: 'data_full' } });
    let woken = 0;
    store.watch(() => woken++);
    must(await store.createService(newService(agent.id, 'small'), LIMITS));
    expect(woken).toBe(1);
  });

  it('leaves out services that do not parse and says so, and keeps their names taken', async () => {
    const damaged: string[] = [];
    const store = open({ onDamaged: (id, fault) => damaged.push(`${id}: ${fault}`) });
    const agent = await joinAgent(store);
    const good = newService(agent.id, 'good');
    const bad = newService(agent.id, 'bad');
    must(await store.createService(good, LIMITS));
    must(await store.createService(bad, LIMITS));
    const database = new DatabaseSync(join(dataDir, 'edge.db'));
    database.prepare(`update services set body = json_set(body, '$.mode', 'smoke') where id = ?`).run(bad.id);
    database.close();
    expect(must(await store.servicesOf(agent.id)).services.map((s) => s.service)).toEqual([good]);
    expect(damaged[0]).toContain(bad.id);
    expect((await store.createService(newService(agent.id, 'bad'), LIMITS)).ok).toBe(false);
  });

  it('keeps the feed short and sends readers who fell behind to the beginning', async () => {
    const store = open({ feedLength: 10 });
    const agent = await joinAgent(store);
    const early = must(await store.revision());
    for (let i = 0; i < 30; i++) must(await store.createService(newService(agent.id, `s${i}`), LIMITS));
    const changes = must(await store.changesSince(early));
    expect([changes.reset, changes.services.length]).toEqual([true, 30]);
    expect(must(await store.changesSince(changes.revision - 10))).toMatchObject({ reset: false });
    expect(must(await store.changesSince(changes.revision - 11))).toMatchObject({ reset: true });
  });
});
