/** The command line as its users meet it: real processes, a data folder of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { createToken } from '../../shared/domain/token.ts';
import { type Home, processesOf, startCli, temporaryHome } from '../support/cli.ts';
import { run } from '../support/direct.ts';
import { ask } from '../support/visitor.ts';

async function origin(body: string) {
  const server = http.createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface UpLine {
  readonly servicesKnown: boolean;
  readonly link: { readonly state: string };
  readonly services: readonly { readonly url: string; readonly status: string }[];
}

/** `porthole up`, connected. */
async function startUp(home: Home, ready: (line: UpLine) => boolean = () => true) {
  const cli = startCli(home, ['up', '--json']);
  for (;;) {
    const line = (await cli.line()) as unknown as UpLine;
    if (line.servicesKnown && line.link.state === 'up' && ready(line)) return { cli, line };
  }
}

it('keeps a service under its URL over restarts and serves it by http and https', async () => {
  await using home = temporaryHome();
  await using app = await origin('mine');
  const added = await run(home, 'services', 'add', String(app.port), '--name', 'shop', '--json');
  expect(added.err).toBe('');
  expect(added.code).toBe(0);
  const { url, urls } = JSON.parse(added.out) as { url: string; urls: { https: string; http: string } };
  expect(url).toBe(urls.http);
  expect(new URL(url).hostname).toBe('shop.localhost');
  expect(processesOf(home.dir)).toEqual([]);

  const { cli, line } = await startUp(home, (l) => l.services[0]?.status === 'active');
  await using _ = cli;
  expect(line.services.map((s) => s.url)).toEqual([url]);
  expect((await ask({ url })).text).toBe('mine');
  const status = await run(home, 'status', '--json');
  expect(status.code).toBe(0);
  const ca = readFileSync(path.join(home.dir, 'data', 'edge', 'certificates', 'ca-localhost.pem'), 'utf8');
  expect((await ask({ url: urls.https, ca })).text).toBe('mine');

  expect((await run(home, 'services', 'disable', 'shop')).out).toContain('shop.localhost is off');
  expect((await ask({ url })).status).toBe(503);
  expect((await run(home, 'services', 'enable', 'shop.localhost')).code).toBe(0);
  expect((await ask({ url })).status).toBe(200);
  // A line is written a moment after its visitor was answered.
  const logged = async () => (await run(home, 'logs', '--service', 'shop')).out.trim().split('\n');
  let lines = await logged();
  while (lines.length < 4) lines = await logged();
  expect(lines).toHaveLength(4);
  expect((await run(home, 'services', 'remove', 'shop')).code).toBe(0);
  expect((await ask({ url })).status).toBe(404);
});

it('lets two exposures share a running agent and ends each by itself', async () => {
  await using home = temporaryHome();
  await using one = await origin('one');
  await using two = await origin('two');
  const { cli } = await startUp(home);
  const first = startCli(home, ['expose', String(one.port), '--json']);
  const second = startCli(home, ['expose', String(two.port), '--json', '--with-name-prefix', 'second']);
  const a = (await first.line()) as { url: string; internal: string };
  const b = (await second.line()) as { url: string; name: string };
  expect(b.name).toMatch(/^second-[a-z0-9]{6}$/);
  expect(a.internal).toBe(`http://localhost:${one.port}`);
  expect((await ask({ url: a.url })).text).toBe('one');
  expect((await ask({ url: b.url })).text).toBe('two');
  expect(await first.line()).toMatchObject({ kind: 'request', status: 200, method: 'GET' });

  first.child.kill('SIGINT');
  expect(await first.ended()).toBe(0);
  expect(first.errors()).toContain('is no longer public.');
  expect((await ask({ url: a.url })).status).toBe(404);
  expect((await ask({ url: b.url })).text).toBe('two');

  cli.child.kill('SIGINT');
  expect(await cli.ended()).toBe(0);
  expect(await second.ended()).toBe(1);
  expect(second.errors()).toContain('has ended, and the exposure with it');
  expect(processesOf(home.dir)).toEqual([]);
});

it('ends an exposure at once when the command that holds it is killed', async () => {
  await using home = temporaryHome();
  await using app = await origin('mine');
  const { cli } = await startUp(home);
  await using _ = cli;
  const held = startCli(home, ['expose', String(app.port), '--json']);
  await held.line();
  const listed = async () => ((await cli.line()) as unknown as UpLine).services.length;
  // What comes and goes within one period of the snapshots is never listed.
  while ((await listed()) === 0);
  held.child.kill('SIGKILL');
  while ((await listed()) === 1);
  expect(await held.ended()).toBe('SIGKILL');
});

it('joins the embedded edge again when its data was thrown away', async () => {
  await using home = temporaryHome();
  expect((await run(home, 'services', 'add', '3000', '--name', 'old')).code).toBe(0);
  rmSync(path.join(home.dir, 'data', 'edge'), { recursive: true });
  expect(await run(home, 'services', 'add', '3000', '--name', 'new')).toMatchObject({ code: 0 });
  const listed = await run(home, 'services', '--json');
  expect(listed.out.trim().split('\n')).toHaveLength(1);
  expect(listed.out).toContain('new.localhost');
});

it('prints the URL first and ends by itself when the time is up', async () => {
  await using home = temporaryHome();
  await using app = await origin('mine');
  const { code, out, err } = await run(home, 'expose', String(app.port), '--expires', '5s', '--qr');
  expect(err).toContain('The time is up');
  expect(code).toBe(0);
  const [first, second, third] = out.split('\n');
  expect(first).toMatch(/^http:\/\/[a-z0-9]{12}\.localhost:\d+$/);
  expect(second).toBe('');
  expect(third).toMatch(/^Name {6}[a-z0-9]{12}$/);
  expect(out).toContain('█');
  expect(processesOf(home.dir)).toEqual([]);
});

it('moves to other ports when its own are taken and says so', async () => {
  await using home = temporaryHome();
  await using app = await origin('mine');
  const added = await run(home, 'services', 'add', String(app.port), '--name', 'shop', '--json');
  const { url } = JSON.parse(added.out) as { url: string };
  const squatter = createServer().listen(Number(new URL(url).port), '127.0.0.1');
  await once(squatter, 'listening');
  const up = startCli(home, ['up']);
  let out = '';
  const printed = new Promise<string>((resolve) => {
    up.child.stdout?.on('data', (chunk: string) => {
      out += chunk;
      const found = /http:\/\/shop\.localhost:\d+(?=\s+live)/.exec(out)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  const moved = await printed;
  expect(moved).not.toBe(url);
  expect((await ask({ url: moved })).text).toBe('mine');
  up.child.kill('SIGTERM');
  expect(await up.ended()).toBe(0);
  expect(up.errors()).toContain('Another program uses port');
  squatter.close();
});

/** `porthole edge` for `example.test` on free ports of loopback. */
function startCluster(home: Home, data: string) {
  const free = ['--listen', '127.0.0.1:0', '--health', '127.0.0.1:0', '--json'];
  return startCli(home, ['edge', '--domain', 'example.test', '--data-dir', data, ...free]);
}

it('passes arguments, output and exit code of the edge through', async () => {
  await using home = temporaryHome();
  const data = path.join(home.dir, 'cluster');
  const wrong = await run(home, 'edge', '--domain', 'example.test');
  expect(wrong.code).toBe(2);
  const edge = startCluster(home, data);
  expect(await edge.line()).toMatchObject({ event: 'ready', domain: 'example.test' });
  const token = await run(home, 'edge', 'token', 'create', '--data-dir', data, '--json');
  expect(token.code).toBe(0);
  edge.child.kill('SIGTERM');
  expect(await edge.ended()).toBe(0);
  expect(processesOf(home.dir)).toEqual([]);
});

it('takes the edge with it when it is killed', async () => {
  await using home = temporaryHome();
  const data = path.join(home.dir, 'cluster');
  const edge = startCluster(home, data);
  await using _ = edge;
  expect(await edge.line()).toMatchObject({ event: 'ready' });
  edge.child.kill('SIGKILL');
  expect(await edge.ended()).toBe('SIGKILL');
  await expect.poll(() => processesOf(home.dir), { timeout: 20_000 }).toEqual([]);
});

it('joins a cluster, publishes there, and leaves it again', async () => {
  await using home = temporaryHome();
  await using app = await origin('mine');
  const data = path.join(home.dir, 'cluster');
  const edge = startCluster(home, data);
  await using _ = edge;
  const { httpsPort, fingerprint } = (await edge.line()) as { httpsPort: number; fingerprint: string };
  const made = await run(home, 'edge', 'token', 'create', '--data-dir', data, '--json');
  const { token } = JSON.parse(made.out) as { token: string };
  const link = `https://127.0.0.1:${httpsPort}`;

  const unpinned = await run(home, 'join', link, '--token', token);
  expect(unpinned).toMatchObject({ code: 1, out: '' });
  expect(unpinned.err).toMatch(/^Error: The certificate of .* is not trusted/);
  const joined = await run(home, 'join', link, '--token', token, '--fingerprint', fingerprint, '--json');
  expect(joined.err).toBe('');
  expect(JSON.parse(joined.out)).toMatchObject({ domain: 'example.test' });
  const again = await run(home, 'join', link, '--token', token, '--fingerprint', fingerprint);
  expect(again).toMatchObject({
    code: 1,
    err: 'Error: This laptop already belongs to example.test. Leave that cluster first, with "porthole leave".\n',
  });

  const added = await run(home, 'services', 'add', String(app.port), '--name', 'shop', '--json');
  expect(JSON.parse(added.out)).toMatchObject({ domain: 'shop.example.test' });
  expect((await run(home, 'leave')).out).toContain('has left example.test');
  const nothing = await run(home, 'leave');
  expect(nothing.code).toBe(1);
  const used = await run(home, 'join', link, '--token', token, '--fingerprint', fingerprint);
  expect(used).toMatchObject({ code: 1, err: 'Error: This join token was used already. Ask for a new one.\n' });
});

const GARBLED = `${createToken('join', (n) => Buffer.alloc(n, 7)).slice(0, -1)}!`;
const GOOD = createToken('join', (n) => Buffer.alloc(n, 7));

it.each([
  [['expose', '0'], 2, 'Port 0 is not valid. Use a whole number from 1 to 65535.'],
  [['expose', '70000'], 2, 'Port 70000 is not valid. Use a whole number from 1 to 65535.'],
  [['expose', 'web'], 2, 'It is neither a whole number nor unix:/path.'],
  [['expose'], 2, "Missing required argument 'port'"],
  [['expose', '3000', '--protocol', 'sctp'], 2, '--protocol takes http, https, tcp, tls or udp'],
  [['expose', '3000', '--protocol', 'tcp', '--with-pin', '123456'], 2, '--with-pin does not go with tcp'],
  [['expose', '3000', '--protocol', 'udp', '--with-password', 'hush'], 2, '--with-password does not go with udp'],
  [['expose', '3000', '--protocol', 'tls', '--with-user-groups', 'dev'], 2, '--with-user-groups does not go with tls'],
  [['expose', '3000', '--with-external-port', '80'], 2, '--with-external-port does not go with http and https'],
  [['expose', '3000', '--with-pin', '12345'], 2, 'A PIN has exactly 6 digits'],
  [['expose', '3000', '--with-password', ''], 2, 'The password is empty'],
  [['expose', '3000', '--with-custom-domain', 'a.example.com'], 2, '--with-custom-domain is not there yet'],
  [['share', 'shop', '--uses', '0'], 2, '--uses takes a whole number from 1'],
  [['share', 'shop', '--expires', 'soon'], 2, '--expires takes a time'],
  [['expose', '3000', '--with-name-prefix', 'a_b'], 2, 'The name "a_b" is not valid'],
  [['expose', '3000', '--expires', 'soon'], 2, '--expires takes a time'],
  [['expose', '3000', '--host', 'a b'], 2, 'The host "a b" is not a host name'],
  [['services', 'add', '3000', '--name', 'my_shop'], 2, 'The name "my_shop" is not valid'],
  [['services', 'add', '3000', '--path', 'x'], 2, 'The path "x" is not one'],
  [['services', 'remove', 'nobody'], 1, 'There is no service "nobody".'],
  [['join', 'https://127.0.0.1:1', '--token', GARBLED], 2, 'That is not a join token'],
  [['join', 'https://127.0.0.1:1', '--token', GOOD], 1, 'Nothing answers at 127.0.0.1:1'],
  [['join', 'ftp://a', '--token', GOOD], 2, 'An edge is reached by https'],
  [['join', 'https://a', '--token', GOOD, '--ca', '/nowhere'], 2, 'cannot be read (it is not there)'],
  [['join', 'https://a'], 2, '--token is missing. Give the one that the operator of the edge made.'],
  [['status'], 1, ''],
  [['frobnicate'], 2, "Unknown command 'frobnicate'"],
  [['logs', '--limit', '5000'], 2, '--limit takes a whole number from 0 to 1000.'],
])('porthole %j exits with %i and one sentence', async (args, code, sentence) => {
  await using home = temporaryHome();
  const done = await run(home, ...args);
  expect(done.err).toContain(sentence);
  expect(done.err).not.toMatch(/\n\s+at |node:internal/);
  expect(done.code).toBe(code);
  expect(processesOf(home.dir)).toEqual([]);
});

it('refuses a name that is taken and keeps nothing of the second service', async () => {
  await using home = temporaryHome();
  expect((await run(home, 'services', 'add', '3000', '--name', 'shop')).code).toBe(0);
  const second = await run(home, 'services', 'add', '3001', '--name', 'shop', '--json');
  expect(second.code).toBe(1);
  expect(JSON.parse(second.out)).toMatchObject({ error: { code: 'domain_taken' } });
  const settings = JSON.parse(readFileSync(path.join(home.dir, 'data', 'settings.json'), 'utf8'));
  expect(settings.embedded.allowed.map((t: { port: number }) => t.port)).toEqual([3000]);
});

it('says so when the data folder cannot be written', async () => {
  await using home = temporaryHome();
  writeFileSync(path.join(home.dir, 'data'), 'a file, not a folder');
  const done = await run(home, 'expose', '3000');
  expect(done).toMatchObject({ code: 1, out: '' });
  expect(done.err).toMatch(/^Error: The data folder .*data cannot be written \(it is not a folder\)\..*\n$/);
});

it('sets damaged settings aside and goes on', async () => {
  await using home = temporaryHome();
  mkdirSync(path.join(home.dir, 'data'));
  writeFileSync(path.join(home.dir, 'data', 'settings.json'), '{"embedded": ');
  expect((await run(home, 'services')).code).toBe(0);
  const files = readdirSync(path.join(home.dir, 'data'));
  expect(files.filter((f) => f.startsWith('settings.json.damaged-'))).toHaveLength(1);
  expect(files).toContain('settings.json');
});

it('starts from the script on the Node that the system has, however old', async () => {
  await using home = temporaryHome();
  const script = path.resolve(import.meta.dirname, '../../build/porthole.mjs');
  const places = (process.env.PATH ?? '').split(path.delimiter).filter((p) => !p.includes('node_modules'));
  const system = places.map((p) => path.join(p, 'node')).find((p) => existsSync(p)) ?? process.execPath;
  const child = spawn(system, [script, 'expose', '0'], { env: home.env, stdio: ['ignore', 'inherit', 'pipe'] });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect(said).toContain('Port 0 is not valid');
  expect(code).toBe(2);
});
