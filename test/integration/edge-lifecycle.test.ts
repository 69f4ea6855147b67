/** How an edge starts, refuses to start, drains, dies and comes back. */
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import {
  ask,
  askPlain,
  call,
  EMBEDDED,
  joinEdge,
  linkLaptop,
  PUBLIC,
  probe,
  publish,
  runEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

const asRoot = process.getuid?.() === 0;

describe('a command line that cannot be used', () => {
  it.each<[string, readonly string[]]>([
    ['no domain', ['--data-dir', 'x']],
    ['an unknown option', [...PUBLIC, '--data-dir', 'x', '--verbose']],
    ['a plain port of 70000', [...PUBLIC, '--data-dir', 'x', '--listen-http', '127.0.0.1:70000']],
    ['plain HTTP beyond loopback', [...EMBEDDED, '--data-dir', 'x', '--listen-http', '0.0.0.0:0']],
    ['a port of 70000', ['--domain', 'edge.test', '--listen', '127.0.0.1:70000', '--data-dir', 'x']],
  ])('ends with one sentence and exit code 2: %s', async (_, args) => {
    const { code, out, errors } = await runEdge(args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(errors.trim().split('\n')).toHaveLength(1);
  });

  it('is answered in JSON when JSON was asked for', async () => {
    const { code, out, errors } = await runEdge(['--json']);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ event: 'failed', error: { code: 'input_invalid' } });
    expect(errors).toBe('');
  });
});

describe('the plain port of a public edge', () => {
  it('sends names under the domain on to https and serves nothing itself', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path, [...PUBLIC, '--listen-http', '127.0.0.1:0']);
    const { httpPort = 0, httpsPort } = edge.ready;
    const sent = await askPlain(httpPort, 'Shop.Edge.Test:80', '/a?b=c');
    expect(sent.status).toBe(308);
    expect(sent.headers.location).toBe(`https://shop.edge.test:${httpsPort}/a?b=c`);
    expect((await askPlain(httpPort, 'evil.example')).status).toBe(404);
    const made = await runEdge(['token', 'create', '--data-dir', folder.path, '--json']);
    const { cluster } = await joinEdge(edge, (JSON.parse(made.out) as { token: string }).token);
    expect(cluster.httpPort).toBeUndefined();
  });
});

describe('an edge that cannot start', () => {
  /** What it says, as JSON, and that it left with exit code 1. */
  async function failureOf(dataDir: string, args: readonly string[] = PUBLIC): Promise<unknown> {
    const { code, out } = await runEdge([...args, '--data-dir', dataDir, '--json']);
    expect(code).toBe(1);
    return (JSON.parse(out) as { error: unknown }).error;
  }

  it('names the address that is in use, and leaves its data folder free', async () => {
    using folder = temporaryFolder();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const args = ['--domain', 'edge.test', '--health', '127.0.0.1:0', '--listen', `127.0.0.1:${port}`];
    expect(await failureOf(folder.path, args)).toMatchObject({
      code: 'address_in_use',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    other.close();
    await using edge = await startEdge(folder.path, PUBLIC);
    expect(edge.ready.domain).toBe('edge.test');
  });

  it('names an address that this machine does not have', async () => {
    using folder = temporaryFolder();
    const args = ['--domain', 'edge.test', '--health', '127.0.0.1:0', '--listen', '203.0.113.7:0'];
    expect(await failureOf(folder.path, args)).toMatchObject({ code: 'address_unavailable' });
  });

  it('says that another edge uses the data folder', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path, PUBLIC);
    expect(await failureOf(folder.path)).toMatchObject({ code: 'data_in_use' });
    expect((await probe(edge, '/healthz/ready')).status).toBe(200);
  });

  it('says that the data folder cannot be written', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, '');
    expect(await failureOf(join(file, 'data'))).toMatchObject({ code: 'data_unwritable' });
    const locked = join(folder.path, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    // Root may write everywhere.
    if (!asRoot) expect(await failureOf(locked)).toMatchObject({ code: 'data_unwritable' });
    expect(readdirSync(locked)).toEqual([]);
  });
});

describe('an edge that ends', () => {
  it('drains on SIGTERM: unready, agents told, the request under way finished, exit code 0', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path, PUBLIC);
    const made = await runEdge(['token', 'create', '--data-dir', folder.path, '--json', '--expires', '10m']);
    const joined = await joinEdge(edge, (JSON.parse(made.out) as { token: string }).token);
    const laptop = await linkLaptop(edge, joined);
    const finish = Promise.withResolvers<() => void>();
    await using app = await startApp((_, response) => {
      response.write('first ');
      finish.resolve(() => response.end('last'));
    });
    await publish(edge, joined, 'slow', [{ port: app.port }]);
    const request = https.get({
      host: '127.0.0.1',
      port: edge.ready.httpsPort,
      servername: 'slow.edge.test',
      ca: edge.ca,
      headers: { host: 'slow.edge.test' },
    });
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    edge.child.kill('SIGTERM');
    expect(await laptop.movedOn).toBe(GO_AWAY.SHUTDOWN);
    expect((await probe(edge, '/healthz/ready')).status).toBe(503);
    expect((await probe(edge, '/healthz/live')).status).toBe(200);
    await expect(ask(edge, 'slow.edge.test')).rejects.toThrow(/ECONNREFUSED/);
    (await finish.promise)();
    expect(await text(response)).toBe('first last');
    expect(await edge.exited).toBe(0);
  });

  it('ends at once on a second signal', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path, PUBLIC);
    const made = await runEdge(['token', 'create', '--data-dir', folder.path, '--json']);
    const joined = await joinEdge(edge, (JSON.parse(made.out) as { token: string }).token);
    const laptop = await linkLaptop(edge, joined);
    const arrived = Promise.withResolvers<void>();
    await using app = await startApp(() => arrived.resolve());
    await publish(edge, joined, 'hang', [{ port: app.port }]);
    const hanging = ask(edge, 'hang.edge.test').then(
      (answer) => answer.status,
      () => 'cut',
    );
    await arrived.promise;
    edge.child.kill('SIGINT');
    await laptop.movedOn;
    edge.child.kill('SIGINT');
    expect(await edge.exited).toBe(0);
    expect(['cut', 503]).toContain(await hanging);
  });

  it('ends with its parent when it is embedded', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path);
    edge.child.stdin?.end();
    expect(await edge.exited).toBe(0);
  });

  it('comes back after kill -9 with its services, its identity and its agents', async () => {
    using folder = temporaryFolder();
    await using app = await startApp((_, response) => response.end('still here'));
    const before = await startEdge(folder.path);
    const joined = await joinEdge(before, before.ready.joinToken ?? '');
    await linkLaptop(before, joined);
    const service = await publish(before, joined, 'kept', [{ port: app.port }]);
    before.child.kill('SIGKILL');
    expect(await before.exited).toBe('SIGKILL');
    await using edge = await startEdge(folder.path);
    expect([edge.ready.nodeId, edge.ready.fingerprint]).toEqual([before.ready.nodeId, before.ready.fingerprint]);
    expect((await ask(edge, 'kept.localhost')).status).toBe(503);
    await linkLaptop(edge, joined);
    expect((await ask(edge, 'kept.localhost')).body).toBe('still here');
    const { value } = await call(edge, 'GET', '/services', joined.credential);
    expect(value).toMatchObject([{ id: service.id, status: 'active' }]);
  });
});

describe('join tokens', () => {
  it('let one laptop in, once', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path);
    const token = edge.ready.joinToken ?? '';
    expect(await joinEdge(edge, token)).toMatchObject({ cluster: { domain: 'localhost', embedded: true } });
    await expect(joinEdge(edge, token)).rejects.toThrow(/token_used/);
  });

  it('are made in words for people', async () => {
    using folder = temporaryFolder();
    await using _ = await startEdge(folder.path, PUBLIC);
    const { code, out } = await runEdge(['token', 'create', '--data-dir', folder.path]);
    expect(code).toBe(0);
    expect(out).toMatch(/^phj_[0-9A-Za-z]{49}\n/);
  });

  it('are refused for a folder that holds no edge, which stays as it was', async () => {
    using folder = temporaryFolder();
    const typo = join(folder.path, 'typo');
    const { code, out } = await runEdge(['token', 'create', '--data-dir', typo, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ event: 'failed', error: { code: 'data_missing' } });
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
