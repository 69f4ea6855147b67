/** Laptops that get out through a company's HTTP proxy only: Apache's, which wants a password. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HttpProxy, type Way } from '../../main/agent/proxy.ts';
import { ApacheProxy } from '../support/apache-proxy.ts';
import { type CliProcess, type Home, startCli, temporaryHome } from '../support/cli.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { run } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { Laptop, publicUrl } from '../support/laptop.ts';
import { ask, open } from '../support/visitor.ts';

const USER = 'ada';
const PASSWORD = 's3:cret/@%';
const edge = new EdgeProcess('edge.test');
const body = randomBytes(3_000_000);
const origin = http.createServer((_, response) => response.end(body));
let ca = '';

beforeAll(async () => {
  await edge.start();
  ca = readFileSync(edge.ready.caFile, 'utf8');
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
});

afterAll(async () => {
  origin.close();
  origin.closeAllConnections();
  await edge[Symbol.asyncDispose]();
});

const originPort = (): number => (origin.address() as AddressInfo).port;

async function download(url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await open({ url, ca })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The same home, with `env` besides. */
const withEnv = (home: Home, env: NodeJS.ProcessEnv): Home => ({ ...home, env: { ...home.env, ...env } });

interface UpLine {
  readonly link: { readonly state: string; readonly failure?: { readonly code: string; readonly message: string } };
  readonly services: readonly { readonly url: string; readonly status: string }[];
}

/** The next line of `porthole up` that `fits`. */
async function told(cli: CliProcess, fits: (line: UpLine) => boolean): Promise<UpLine> {
  for (;;) {
    const line = (await cli.line()) as unknown as UpLine;
    if (fits(line)) return line;
  }
}

/** Files under `folder` that hold one of `texts`. */
const filesWith = (folder: string, texts: readonly string[]): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .filter((file) => texts.some((text) => readFileSync(file).includes(text)));

it('joins and serves through a proxy that wants a password, and comes back when that does', async () => {
  const { httpsPort } = edge.ready;
  // Apache resolves names as this machine does, which knows no edge.test: it passes everything on to one that does.
  await using names = await new ConnectProxy({ leads: { [`edge.test:${httpsPort}`]: httpsPort } }).start();
  await using apache = await new ApacheProxy({ user: USER, password: PASSWORD, onward: names.port }).start();
  await using home = temporaryHome();
  const at = `127.0.0.1:${apache.port}`;
  const HTTPS_PROXY = `http://${USER}:${encodeURIComponent(PASSWORD)}@${at}`;
  const joining = ['join', `https://edge.test:${httpsPort}`, '--ca', edge.ready.caFile, '--token', await edge.token()];

  for (const env of [{}, { HTTPS_PROXY, NO_PROXY: '.test' }]) {
    const direct = await run(withEnv(home, env), ...joining);
    expect([direct.code, direct.err]).toEqual([
      1,
      expect.stringContaining(`Nothing answers at edge.test:${httpsPort}`),
    ]);
  }
  const stranger = await run(withEnv(home, { HTTPS_PROXY: at }), ...joining);
  expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining('it wants a user name and a password')]);
  const wrong = await run(withEnv(home, { HTTPS_PROXY: `http://${USER}:wr0ng@${at}` }), ...joining);
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('it does not take the user name')]);
  expect(wrong.err).not.toContain('wr0ng');
  const socks = await run(withEnv(home, { HTTPS_PROXY: `socks5://${USER}:wr0ng@${at}` }), ...joining);
  expect([socks.code, socks.err]).toEqual([
    1,
    expect.stringContaining('HTTPS_PROXY names a proxy that Porthole cannot'),
  ]);
  expect(names.heads).toEqual([]);
  expect(await run(withEnv(home, { HTTPS_PROXY }), ...joining)).toMatchObject({ code: 0 });

  const cli = startCli(withEnv(home, { HTTPS_PROXY }), ['up', '--json']);
  await using _ = cli;
  await told(cli, ({ link }) => link.state === 'up');
  expect(await run(home, 'services', 'add', String(originPort()), '--name', 'shop')).toMatchObject({ code: 0 });
  const { services } = await told(cli, (line) => line.services[0]?.status === 'active');
  const url = services[0]?.url ?? '';
  expect((await download(url)).equals(body)).toBe(true);

  await apache.stop();
  const lost = await told(cli, ({ link }) => link.failure?.code === 'proxy_failed');
  expect(lost.link.failure?.message).toContain(`The proxy ${at} does not lead to edge.test:${httpsPort}`);
  await expect.poll(async () => (await ask({ url, ca })).status).toBe(503);
  await apache.start();
  await told(cli, (line) => line.link.state === 'up' && line.services[0]?.status === 'active');
  expect((await download(url)).equals(body)).toBe(true);
  cli.child.kill('SIGINT');
  expect(await cli.ended()).toBe(0);

  // Everything went there, and nothing that is secret.
  expect(new Set(names.asked)).toEqual(new Set([`edge.test:${httpsPort}`]));
  expect(names.heads.join()).not.toMatch(/pha_|phj_/);
  const secrets = [PASSWORD, encodeURIComponent(PASSWORD), Buffer.from(`${USER}:${PASSWORD}`).toString('base64')];
  expect(filesWith(home.dir, secrets)).toEqual([]);
  expect(secrets.some((secret) => cli.errors().includes(secret))).toBe(false);
});

it('is led by Apache itself, with every connection of the agent on that way', async () => {
  await using apache = await new ApacheProxy({ user: USER, password: PASSWORD }).start();
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  const way: Way = { routes: [new HttpProxy('localhost', apache.port, authorization)], from: 'HTTPS_PROXY' };
  const asked: string[] = [];
  const findWay = async (host: string, port: number) => {
    asked.push(`${host}:${port}`);
    return { ok: true, value: way } as const;
  };
  {
    await using laptop = await Laptop.join(edge, 'proxied', findWay);
    const target = { type: 'agent', host: 'localhost', port: originPort(), protocol: 'http' } as const;
    const service = await laptop.publish({ name: 'direct', mode: 'http', targets: [target] });
    expect((await download(publicUrl(service).href)).equals(body)).toBe(true);
  }
  const line = `CONNECT 127.0.0.1:${edge.ready.httpsPort} HTTP/1.1 ${USER} 200`;
  await expect.poll(() => apache.log.length).toBeGreaterThan(2);
  expect(new Set(apache.log)).toEqual(new Set([line]));
  expect(new Set(asked)).toEqual(new Set([`127.0.0.1:${edge.ready.httpsPort}`]));
});
