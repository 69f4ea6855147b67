/** An edge whose certificates are files: swapped while it runs, under connections that are open. */
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createEdgeDialler } from '../../main/agent/edge-dialler.ts';
import { joinCluster } from '../../main/app/cluster.ts';
import { createSettings } from '../../main/app/settings.ts';
import { createMemoryVault } from '../../main/app/vault/memory-vault.ts';
import { serviceViewSchema } from '../../shared/contract/control-api.ts';
import { must } from '../compliance/data.ts';
import { OpensslAuthority, type PemPair } from '../support/openssl.ts';
import {
  ask,
  call,
  joinEdge,
  linkLaptop,
  PUBLIC,
  probe,
  publish,
  type RunningEdge,
  runEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

const makers = temporaryFolder();
const authority = new OpensslAuthority(makers.path);
afterAll(() => makers[Symbol.dispose]());
const EDGE = ['DNS:edge.test', 'DNS:*.edge.test'];
/** Milliseconds in which a change has to be seen, by `until`. */
const PROMPT = 2_000;
/** Milliseconds that a look takes at most where the machine has time for it. */
const LOOK = 50;

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());
const at = (...parts: string[]): string => path.join(folder.path, ...parts);

function put(pair: PemPair, cert = 'tls.crt', key = 'tls.key'): void {
  mkdirSync(path.dirname(at(cert)), { recursive: true });
  writeFileSync(at(cert), pair.cert);
  writeFileSync(at(key), pair.key, { mode: 0o600 });
}
/** Both files at once for whoever looks at one: written beside, renamed into place. */
function rename(pair: PemPair): void {
  put(pair, 'new.crt.tmp', 'new.key.tmp');
  renameSync(at('new.crt.tmp'), at('tls.crt'));
  renameSync(at('new.key.tmp'), at('tls.key'));
}

const pairArgs = (): string[] => [...PUBLIC, '--cert', at('tls.crt'), '--key', at('tls.key')];
const start = (args: readonly string[]): Promise<RunningEdge> => startEdge(at('data'), args, authority.rootPem);

async function tokenOf(): Promise<string> {
  const { out } = await runEdge(['token', 'create', '--data-dir', at('data'), '--json']);
  return (JSON.parse(out) as { token: string }).token;
}

/** The common name of the certificate that a new connection for `servername` is shown. */
async function shown(edge: RunningEdge, servername: string, alpn = 'http/1.1'): Promise<string> {
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: edge.ready.httpsPort,
    ...(servername === '' ? {} : { servername }),
    ca: authority.rootPem,
    // The chain has to hold; whose name it carries is what is asked here.
    checkServerIdentity: () => undefined,
    ALPNProtocols: [alpn],
  });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

const made: PemPair[] = [];
function issue(names: readonly string[], days = 90): PemPair {
  const pair = authority.issue({ names, days });
  made.push(pair);
  return pair;
}
/** As the maker calls what it makes. */
const commonName = (pair: PemPair): string => `leaf${made.indexOf(pair) + 1}`;

/**
 * Asks until it is as it should be; how long that took, in milliseconds. Each look is a connection of its own that the
 * edge has to answer, so one that takes long shows that the machine had no time for it, and counts as `LOOK`.
 */
async function until(isSo: () => boolean | Promise<boolean>): Promise<number> {
  let took = 0;
  for (;;) {
    const began = performance.now();
    if (await isSo()) return took;
    await turn();
    took += Math.min(LOOK, performance.now() - began);
    if (took > 20_000) throw new Error('it never came true');
  }
}

/** A WebSocket and a kept-alive connection through the edge to an app on the laptop, both open. */
async function openConnections(edge: RunningEdge, stack: AsyncDisposableStack) {
  const app = stack.use(await startApp((_, response) => response.end('hello')));
  const echo = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  echo.on('connection', (peer) => peer.on('message', (data) => peer.send(String(data))));
  await once(echo, 'listening');
  stack.defer(() => {
    for (const peer of echo.clients) peer.terminate();
    echo.close();
  });
  const joined = await joinEdge(edge, await tokenOf());
  const laptop = await linkLaptop(edge, joined);
  await publish(edge, joined, 'app', [{ port: app.port }]);
  await publish(edge, joined, 'live', [{ port: (echo.address() as AddressInfo).port }]);
  await until(async () => (await ask(edge, 'live.edge.test')).status === 426);
  const options = { ca: edge.ca, servername: 'live.edge.test', headers: { host: 'live.edge.test' } };
  const socket = new WebSocket(`wss://127.0.0.1:${edge.ready.httpsPort}/`, options);
  await once(socket, 'open');
  stack.defer(() => socket.terminate());
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  stack.defer(() => agent.destroy());
  let connections = 0;
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (...args) => {
    connections++;
    return create(...args);
  };
  return {
    joined,
    laptop,
    /** The old connections still carry bytes, and no new one was made for that. */
    async goOn(): Promise<void> {
      const message = once(socket, 'message');
      socket.send('ping');
      expect(String((await message)[0])).toBe('ping');
      expect((await ask(edge, 'app.edge.test', { agent })).body).toBe('hello');
      expect(connections).toBe(1);
    },
  };
}

describe('a certificate that is swapped under open connections', () => {
  const first = issue(EDGE);
  const second = issue(EDGE);

  async function swaps(edge: RunningEdge, stack: AsyncDisposableStack, swap: () => void): Promise<void> {
    const open = await openConnections(edge, stack);
    await open.goOn();
    expect(await shown(edge, 'app.edge.test')).toBe(commonName(first));
    swap();
    expect(await until(async () => (await shown(edge, 'app.edge.test')) === commonName(second))).toBeLessThan(PROMPT);
    // Tunnels, the API and clients without a server name are shown the new one too.
    expect(await shown(edge, 'edge.test')).toBe(commonName(second));
    expect(await shown(edge, 'edge.test', 'porthole/1')).toBe(commonName(second));
    expect(await shown(edge, '')).toBe(commonName(second));
    await open.goOn();
    // Through the tunnel that was linked before, and beside it through a new one.
    const again = await linkLaptop(edge, open.joined);
    await open.goOn();
    expect((await call(edge, 'GET', '/services', open.joined.credential)).status).toBe(200);
    expect(again.tunnel).not.toBe(open.laptop.tunnel);
  }

  it('is shown within 2 s when its files are renamed into place', async () => {
    await using stack = new AsyncDisposableStack();
    put(first);
    await using edge = await start(pairArgs());
    await swaps(edge, stack, () => rename(second));
  });

  it('is shown within 2 s when a link on the way is swapped, as Kubernetes does', async () => {
    await using stack = new AsyncDisposableStack();
    put(first, '..1/tls.crt', '..1/tls.key');
    put(second, '..2/tls.crt', '..2/tls.key');
    symlinkSync('..1', at('..data'));
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(path.join('..data', name), at(name));
    await using edge = await start(pairArgs());
    await swaps(edge, stack, () => {
      symlinkSync('..2', at('..tmp'));
      renameSync(at('..tmp'), at('..data'));
    });
  });

  it('is shown within 2 s when the folder that it was named in is a link that is swapped', async () => {
    put(first, 'v1/tls.crt', 'v1/tls.key');
    put(second, 'v2/tls.crt', 'v2/tls.key');
    symlinkSync('v1', at('current'));
    const args = ['--cert', at('current', 'tls.crt'), '--key', at('current', 'tls.key')];
    await using edge = await start([...PUBLIC, ...args]);
    symlinkSync('v2', at('next'));
    renameSync(at('next'), at('current'));
    expect(await until(async () => (await shown(edge, 'edge.test')) === commonName(second))).toBeLessThan(PROMPT);
  });

  it('stays when what comes is bad, with a metric and a line in the log, until that is good', async () => {
    put(first);
    await using edge = await start(pairArgs());
    const unusable = async (): Promise<string> =>
      /^porthole_certificates_unusable (\d+)$/m.exec((await probe(edge, '/metrics')).body)?.[1] ?? '';
    expect(await unusable()).toBe('0');
    // In this order no two files fit each other while one is written and the other isn't yet.
    for (const bad of [
      { ...second, key: first.key },
      { ...second, cert: 'garbage' },
      { ...second, cert: second.cert.slice(0, 400) },
    ]) {
      put(bad);
      expect(await until(async () => (await unusable()) === '1')).toBeLessThan(PROMPT);
      expect(await shown(edge, 'edge.test')).toBe(commonName(first));
    }
    await until(() => edge.log().includes('a certificate cannot be used; the one before stays in use'));
    put(second);
    expect(await until(async () => (await shown(edge, 'edge.test')) === commonName(second))).toBeLessThan(PROMPT);
    // The key is written after the certificate, over the same one: the edge may have looked while it was not whole.
    await until(async () => (await unusable()) === '0');
    await until(() => edge.log().includes('a certificate is in order again'));
  });

  it('keeps what a laptop pinned when the same issuer signed the new one', async () => {
    put(first);
    await using edge = await start(pairArgs());
    expect(edge.ready.caFile).toBeUndefined();
    const dial = async (): Promise<string> => {
      const address = { host: '127.0.0.1', port: edge.ready.httpsPort, domain: 'edge.test' };
      const dialler = createEdgeDialler(address, { fingerprint: edge.ready.fingerprint });
      const dialled = await dialler.dial({ purpose: 'tunnel', signal: new AbortController().signal });
      if (dialled.ok) dialled.value.socket.destroy();
      return dialled.ok ? 'connected' : dialled.error.code;
    };
    expect(await dial()).toBe('connected');
    rename(second);
    await until(async () => (await shown(edge, 'edge.test')) === commonName(second));
    expect(await dial()).toBe('connected');
  });
});

describe('a folder of certificates', () => {
  const apex = issue(['DNS:edge.test']);
  const wild = issue(['DNS:*.edge.test'], 30);
  const shop = issue(['DNS:shop.edge.test'], 40);

  it('gives names their certificates as files come and go, and services their status', async () => {
    put(apex, 'certs/apex.crt', 'certs/apex.key');
    await using edge = await start([...PUBLIC, '--cert-dir', at('certs')]);
    const joined = await joinEdge(edge, await tokenOf());
    await linkLaptop(edge, joined);
    await using app = await startApp((_, response) => response.end());
    const service = await publish(edge, joined, 'shop', [{ port: app.port }]);
    expect(service.urls).toMatchObject({ https: `https://shop.edge.test:${edge.ready.httpsPort}` });
    const status = async (): Promise<string> => {
      const { value } = await call(edge, 'GET', '/services', joined.credential);
      const [view] = serviceViewSchema.array().parse(value);
      return `${view?.status}: ${view?.statusReason ?? ''}`;
    };
    await until(async () => (await status()).startsWith('certificate_failed: The edge has no certificate for shop'));
    // Visitors are shown the edge's own, and a warning by their browser.
    expect(await shown(edge, 'shop.edge.test')).toBe(commonName(apex));

    put(wild, 'certs/live/fullchain.pem', 'certs/live/privkey.pem');
    expect(await until(async () => (await shown(edge, 'shop.edge.test')) === commonName(wild))).toBeLessThan(PROMPT);
    expect(await status()).toBe('active: ');
    expect(await shown(edge, 'x.shop.edge.test')).toBe(commonName(apex));

    put(shop, 'certs/shop.pem', 'certs/shop.key');
    expect(await until(async () => (await shown(edge, 'shop.edge.test')) === commonName(shop))).toBeLessThan(PROMPT);
    expect(await shown(edge, 'other.edge.test')).toBe(commonName(wild));
    const ends = /^porthole_certificate_expiry_seconds\{name="shop\.edge\.test"\} (\S+)$/m;
    const end = Number(ends.exec((await probe(edge, '/metrics')).body)?.[1]);
    expect(Math.round((end - Date.now() / 1000) / 86_400)).toBe(40);

    unlinkSync(at('certs/shop.pem'));
    unlinkSync(at('certs/shop.key'));
    expect(await until(async () => (await shown(edge, 'shop.edge.test')) === commonName(wild))).toBeLessThan(PROMPT);
    rmSync(at('certs/live'), { recursive: true });
    expect(await until(async () => (await shown(edge, 'shop.edge.test')) === commonName(apex))).toBeLessThan(PROMPT);
    expect(await status()).toContain('certificate_failed');
  });
});

describe('what a laptop keeps of the pin that it joined with', () => {
  /** Joins with the SHA-256 of the leaf or of what the edge names, and says what is trusted from then on. */
  async function joinPinned(edge: RunningEdge, fingerprint: string) {
    const settings = must(createSettings(at(), () => ({ store: {} })));
    const vault = createMemoryVault();
    const input = { url: `https://127.0.0.1:${edge.ready.httpsPort}`, token: await tokenOf(), fingerprint };
    const joined = must(
      await joinCluster(input, 'laptop', {
        settings,
        vault: () => Promise.resolve(vault),
        signal: new AbortController().signal,
      }),
    );
    return { caPem: joined.joined.caPem, fingerprint: joined.joined.fingerprint };
  }

  it("is the edge's own CA, which outlives the leaf that was pinned", async () => {
    await using edge = await startEdge(at('data'), PUBLIC);
    const socket = tlsConnect({ host: '127.0.0.1', port: edge.ready.httpsPort, servername: 'edge.test', ca: edge.ca });
    await once(socket, 'secureConnect');
    const leaf = socket.getPeerCertificate().fingerprint256;
    socket.destroy();
    expect(await joinPinned(edge, leaf)).toEqual({ caPem: edge.ca, fingerprint: undefined });
  });

  it('is the pin itself where certificates come from files', async () => {
    // Pinned is an authority that signs for many: the certificate must name what was dialled.
    put(issue([...EDGE, 'IP:127.0.0.1']));
    await using edge = await start(pairArgs());
    const { fingerprint } = edge.ready;
    expect(await joinPinned(edge, fingerprint)).toEqual({ caPem: undefined, fingerprint });
  });
});

describe('an edge that is given certificates it cannot use', () => {
  const good = issue(['DNS:edge.test']);
  const foreign = issue(['DNS:shop.edge.test']);

  it.each<[string, PemPair, string]>([
    ['garbage', { ...good, cert: 'garbage' }, 'certificate_unusable'],
    ['a key of another certificate', { ...good, key: foreign.key }, 'certificate_unusable'],
    ['a certificate for another name', foreign, 'certificate_missing'],
  ])('ends with one sentence and exit code 1: %s', async (_, pair, code) => {
    put(pair);
    const words = await runEdge([...pairArgs(), '--data-dir', at('data')]);
    expect(words.code).toBe(1);
    expect(words.out).toBe('');
    const sentences = words.errors.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    expect(sentences).toHaveLength(1);
    const { out } = await runEdge([...pairArgs(), '--data-dir', at('data'), '--json']);
    expect(JSON.parse(out)).toMatchObject({ event: 'failed', error: { code } });
  });
});
