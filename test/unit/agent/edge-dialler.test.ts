import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificate, toPem } from '../../../edge/certificates/x509.ts';
import { fingerprintOf } from '../../../main/agent/certificates.ts';
import type { EdgeAddress, EdgeTrust } from '../../../main/agent/edge-address.ts';
import { createEdgeDialler } from '../../../main/agent/edge-dialler.ts';
import { CREDENTIALS_REST, HttpProxy } from '../../../main/agent/proxy.ts';
import { createWayFinder } from '../../../main/agent/proxy-choice.ts';
import { openTunnel } from '../../../main/agent/proxy-tunnel.ts';
import { ok } from '../../../shared/domain/result.ts';
import { ConnectProxy } from '../../support/connect-proxy.ts';

const HOUR = 3_600_000;
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A private authority of an edge whose domain is `edge.test`. */
function authority(name: string) {
  const key = newKey();
  const constraints = { permitted: [{ dns: 'edge.test' }], excluded: [] };
  const times = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
  const der = makeCertificate({
    commonName: name,
    issuerName: name,
    key,
    signWith: key,
    ...times,
    kind: { ca: true, constraints },
  });
  const pem = toPem(der);
  return {
    pem,
    fingerprint: fingerprintOf(new X509Certificate(der)),
    leaf(domain: string, validity = times) {
      const leafKey = newKey();
      const leaf = makeCertificate({
        commonName: domain,
        issuerName: name,
        key: leafKey,
        signWith: key,
        ...validity,
        kind: { ca: false, names: [{ dns: domain }] },
      });
      return {
        cert: toPem(leaf) + pem,
        key: leafKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        fingerprint: fingerprintOf(new X509Certificate(leaf)),
      };
    },
  };
}

const ca = authority('Test CA');
const good = ca.leaf('edge.test');
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

interface Edge {
  readonly port: number;
  /** Bytes that clients have sent, and the names that they asked for. */
  readonly got: string[];
  readonly names: string[];
}

async function startEdge(tls: { cert: string; key: string }, alpn = ['porthole/1', 'http/1.1']): Promise<Edge> {
  const edge = { port: 0, got: [] as string[], names: [] as string[] };
  // Comes with the ClientHello: before the client knows that it is connected.
  const choose = (hello: { servername: string; protocols: string[] }): string | undefined => {
    edge.names.push(hello.servername || '');
    return alpn.find((protocol) => hello.protocols.includes(protocol));
  };
  const server = createServer({ ...tls, ...(alpn.length > 0 ? { ALPNCallback: choose } : {}) }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => edge.got.push(bytes.toString()));
  });
  server.on('tlsClientError', () => {});
  edge.port = await listen(server);
  return edge;
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function dial(
  address: EdgeAddress,
  trust: EdgeTrust,
  purpose: 'control' | 'tunnel' = 'tunnel',
  now: () => number = Date.now,
) {
  const { signal } = new AbortController();
  const dialled = await createEdgeDialler(address, trust, { now }).dial({ purpose, signal });
  if (dialled.ok) dialled.value.socket.destroy();
  return dialled.ok ? 'connected' : dialled.error.code;
}

const at = (edge: Edge, domain?: string): EdgeAddress =>
  domain === undefined ? { host: '127.0.0.1', port: edge.port } : { host: '127.0.0.1', port: edge.port, domain };

describe('the edge dialler', () => {
  it('trusts what the pinned authority signed, by the domain whatever the address', async () => {
    const edge = await startEdge(good);
    expect(await dial(at(edge, 'edge.test'), { caPem: ca.pem })).toBe('connected');
    expect(await dial(at(edge, 'other.test'), { caPem: ca.pem })).toBe('edge_untrusted');
    expect(await dial(at(edge, 'edge.test'), { caPem: authority('Test CA').pem })).toBe('edge_untrusted');
    expect(await dial(at(edge, 'edge.test'), {})).toBe('edge_untrusted');
  });

  it('sends the domain as server name, and none for an address', async () => {
    const edge = await startEdge(good);
    await dial(at(edge, 'edge.test'), { caPem: ca.pem });
    await dial(at(edge), { caPem: ca.pem });
    expect(edge.names).toEqual(['edge.test', '']);
  });

  it('takes one self-made authority for the cluster while the domain is not known', async () => {
    const edge = await startEdge(good);
    expect(await dial(at(edge), { caPem: ca.pem })).toBe('connected');
    expect(await dial(at(edge), { caPem: ca.pem + authority('Another').pem })).toBe('edge_untrusted');
  });

  it('refuses a CA that is not one', async () => {
    const edge = await startEdge(good);
    expect(await dial(at(edge), { caPem: 'not a certificate' })).toBe('edge_untrusted');
  });

  it.each([
    ['authority', ca.fingerprint],
    ['leaf', good.fingerprint],
  ])('trusts the edge by the fingerprint of its %s', async (_, fingerprint) => {
    const edge = await startEdge(good);
    expect(await dial(at(edge), { fingerprint })).toBe('connected');
    expect(await dial(at(edge, 'edge.test'), { fingerprint }, 'control')).toBe('connected');
  });

  it('refuses every other fingerprint without sending a byte', async () => {
    const edge = await startEdge(good);
    expect(await dial(at(edge), { fingerprint: 'ab'.repeat(32) })).toBe('edge_untrusted');
    expect(edge.got).toEqual([]);
  });

  it('is not fooled by a leaf that merely comes along with the pinned authority', async () => {
    const own = newKey();
    const forged = makeCertificate({
      commonName: 'edge.test',
      issuerName: 'Test CA',
      key: own,
      signWith: newKey(),
      notBefore: Date.now() - HOUR,
      notAfter: Date.now() + HOUR,
      kind: { ca: false, names: [{ dns: 'edge.test' }] },
    });
    const edge = await startEdge({
      cert: toPem(forged) + ca.pem,
      key: own.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    expect(await dial(at(edge), { fingerprint: ca.fingerprint })).toBe('edge_untrusted');
    expect(await dial(at(edge, 'edge.test'), { fingerprint: ca.fingerprint })).toBe('edge_untrusted');
    expect(await dial(at(edge, 'edge.test'), { caPem: ca.pem })).toBe('edge_untrusted');
  });

  it('is not fooled by another edge that presents the pinned leaf as part of its chain', async () => {
    const other = authority('Other CA').leaf('edge.test');
    const edge = await startEdge({ cert: other.cert + good.cert, key: other.key });
    expect(await dial(at(edge), { fingerprint: good.fingerprint })).toBe('edge_untrusted');
  });

  it('refuses a pinned leaf, and one of a pinned authority, out of its time', async () => {
    const edge = await startEdge(good);
    const later = (): number => Date.now() + 2 * HOUR;
    expect(await dial(at(edge), { fingerprint: good.fingerprint }, 'tunnel', later)).toBe('edge_untrusted');
    const expired = ca.leaf('edge.test', { notBefore: Date.now() - 2 * HOUR, notAfter: Date.now() - HOUR });
    const old = await startEdge(expired);
    expect(await dial(at(old), { fingerprint: ca.fingerprint })).toBe('edge_untrusted');
  });

  it('remembers what a fingerprint stands for', async () => {
    const edge = await startEdge(good);
    const dialler = createEdgeDialler(at(edge, 'edge.test'), { fingerprint: ca.fingerprint });
    const { signal } = new AbortController();
    for (let i = 0; i < 2; i++) {
      const dialled = await dialler.dial({ purpose: 'tunnel', signal });
      if (dialled.ok) dialled.value.socket.destroy();
    }
    expect(edge.names).toHaveLength(3);
  });

  it('names a server that is no Porthole edge', async () => {
    const web = await startEdge(good, ['http/1.1']);
    expect(await dial(at(web, 'edge.test'), { caPem: ca.pem }, 'tunnel')).toBe('edge_incompatible');
    const silent = await startEdge(good, []);
    expect(await dial(at(silent, 'edge.test'), { caPem: ca.pem }, 'tunnel')).toBe('edge_odd');
    expect(await dial(at(silent, 'edge.test'), { caPem: ca.pem }, 'control')).toBe('connected');
    const plain = createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.6\r\n'));
    const port = await listen(plain);
    expect(await dial({ host: '127.0.0.1', port }, { caPem: ca.pem })).toBe('edge_odd');
  });

  it('says why nothing answers', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    const { signal } = new AbortController();
    const refused = await createEdgeDialler({ host: '127.0.0.1', port }, {}).dial({ purpose: 'control', signal });
    expect(refused).toMatchObject({ ok: false, error: { code: 'edge_unreachable' } });
    expect(refused.ok ? '' : refused.error.message).toContain('the connection was refused');
    const unknown = await createEdgeDialler({ host: 'nowhere.invalid', port }, {}).dial({ purpose: 'control', signal });
    expect(unknown.ok ? '' : unknown.error.message).toMatch(/the name (is not known|cannot be looked up)/);
  });

  it('gives up when asked to', async () => {
    const port = await listen(createTcpServer());
    const asked = new AbortController();
    const dialled = createEdgeDialler({ host: '127.0.0.1', port }, {}).dial({
      purpose: 'tunnel',
      signal: asked.signal,
    });
    asked.abort();
    expect((await dialled).ok).toBe(false);
  });
});

describe('the edge dialler behind a proxy', () => {
  const { signal } = new AbortController();
  const far: EdgeAddress = { host: 'edge.test', port: 443 };

  /** Dials `address` as the environment says. */
  async function dialBy(env: Record<string, string>, address: EdgeAddress, trust: EdgeTrust = { caPem: ca.pem }) {
    const dialled = await createEdgeDialler(address, trust, { findWay: createWayFinder(env) }).dial({
      purpose: 'tunnel',
      signal,
    });
    if (dialled.ok) dialled.value.socket.destroy();
    return dialled;
  }

  it('checks the edge as ever, and lets the proxy see nothing but where it leads', async () => {
    const edge = await startEdge(good);
    await using proxy = await new ConnectProxy({
      leads: { 'edge.test:443': edge.port },
      credentials: 'ada:pw',
    }).start();
    const env = { HTTPS_PROXY: `http://ada:pw@127.0.0.1:${proxy.port}` };
    expect(await dialBy(env, far)).toMatchObject({ ok: true, value: { remoteAddress: undefined } });
    expect((await dialBy(env, far, { fingerprint: good.fingerprint })).ok).toBe(true);
    expect((await dialBy(env, far, { fingerprint: ca.fingerprint })).ok).toBe(true);
    // Two connections each for the fingerprints.
    expect(proxy.asked).toEqual(Array(5).fill('edge.test:443'));
    expect(edge.names).toEqual(Array(5).fill('edge.test'));
    const other = { caPem: authority('Other CA').pem };
    expect(await dialBy(env, far, other)).toMatchObject({ error: { code: 'edge_untrusted' } });
    expect(await dialBy(env, far, { fingerprint: 'ab'.repeat(32) })).toMatchObject({
      error: { code: 'edge_untrusted' },
    });
    expect(edge.got).toEqual([]);
  });

  it('carries both directions, and ends with its socket', async () => {
    const server = createServer(good, (socket) => socket.on('error', () => {}).pipe(socket));
    const port = await listen(server);
    await using proxy = await new ConnectProxy({ leads: { 'edge.test:443': port } }).start();
    const findWay = createWayFinder({ HTTPS_PROXY: `127.0.0.1:${proxy.port}` });
    const dialler = createEdgeDialler(far, { caPem: ca.pem }, { findWay });
    const dialled = await dialler.dial({ purpose: 'control', signal });
    if (!dialled.ok) throw new Error(dialled.error.message);
    const { socket } = dialled.value;
    const sent = randomBytes(300_000);
    socket.write(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if (chunks.reduce((sum, { length }) => sum + length, 0) === sent.length) break;
    }
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    await proxy.idle();
  });

  it('says that the proxy is in the way, and how', async () => {
    await using proxy = await new ConnectProxy({ leads: {}, credentials: 'ada:pw' }).start();
    const at = `127.0.0.1:${proxy.port}`;
    const failing = async (env: Record<string, string>) => {
      const dialled = await dialBy(env, far);
      return dialled.ok ? undefined : dialled.error;
    };
    expect(await failing({ HTTPS_PROXY: `http://ada:pw@${at}` })).toMatchObject({
      code: 'proxy_failed',
      message: expect.stringContaining(`The proxy ${at} does not lead to edge.test:443 (it answers with status 502).`),
    });
    const refused = await failing({ HTTPS_PROXY: `http://ada:secret@${at}` });
    expect(refused).toMatchObject({ code: 'proxy_failed', message: expect.stringContaining('407') });
    expect(JSON.stringify(refused)).not.toMatch(/secret|ada/);
    expect(await failing({ HTTPS_PROXY: 'socks5://ada:secret@proxy' })).toMatchObject({ code: 'proxy_invalid' });
    await proxy.stop();
    expect(await failing({ HTTPS_PROXY: at })).toMatchObject({
      code: 'proxy_failed',
      message: expect.stringContaining('it is not reached: the connection was refused'),
    });
  });

  it('sends credentials that a proxy does not take ever more rarely, until they are taken', async () => {
    const edge = await startEdge(good);
    let now = 0;
    const time = vi.spyOn(performance, 'now').mockImplementation(() => now);
    onTestFinished(() => time.mockRestore());
    const options = { leads: { 'edge.test:443': edge.port }, credentials: 'ada:old' };
    await using proxy = await new ConnectProxy(options).start();
    const wrong = new HttpProxy('127.0.0.1', proxy.port, `Basic ${Buffer.from('ada:new').toString('base64')}`);
    const findWay = async () => ok({ routes: [wrong] });
    const dialler = createEdgeDialler(far, { caPem: ca.pem }, { findWay });
    const dial = () => dialler.dial({ purpose: 'tunnel', signal });
    const [refused] = await Promise.all([dial(), dial()]);
    expect(refused).toMatchObject({ error: { message: expect.stringContaining('it does not take the user name') } });
    const sent = proxy.heads.length;
    const { first, growth, most } = CREDENTIALS_REST;
    for (const [times, rest] of [first, first * growth, most, most].entries()) {
      now += rest - 1;
      expect(await dial()).toEqual(refused);
      expect(proxy.heads).toHaveLength(sent + times);
      now += 1;
      expect(await dial()).toEqual(refused);
      expect(proxy.heads).toHaveLength(sent + times + 1);
    }
    // Somebody looks for himself, and they are taken.
    options.credentials = 'ada:new';
    const looked = await openTunnel(wrong, far, signal, 10_000);
    expect(looked.ok).toBe(true);
    if (looked.ok) looked.value.destroy();
    const dialled = await dial();
    expect(dialled.ok).toBe(true);
    if (dialled.ok) dialled.value.socket.destroy();
  });

  it('goes round a proxy that fails where the system names another way, and tells of the first failure', async () => {
    const edge = await startEdge(good);
    await using broken = await new ConnectProxy({ leads: {} }).start();
    await using proxy = await new ConnectProxy({ leads: { 'edge.test:443': edge.port } }).start();
    const way = async (text: string) => {
      const findWay = createWayFinder({}, async () => text);
      const dialled = await createEdgeDialler(far, { caPem: ca.pem }, { findWay }).dial({ purpose: 'tunnel', signal });
      if (dialled.ok) dialled.value.socket.destroy();
      return dialled.ok ? 'connected' : dialled.error.message;
    };
    const [bad, fine] = [`PROXY 127.0.0.1:${broken.port}`, `PROXY 127.0.0.1:${proxy.port}`];
    expect(await way(`${bad}; SOCKS x:1; ${fine}`)).toBe('connected');
    expect(await way(`DIRECT; ${fine}`)).toBe('connected');
    expect(await way(`${bad}; DIRECT`)).toContain('status 502');
  });

  it('has a proxy lead to public addresses only where an edge named the place, whatever its name', async () => {
    const edge = await startEdge(good);
    const leads = { 'edge.test:443': edge.port, '203.0.113.9:443': edge.port, 'localhost.test:443': edge.port };
    await using proxy = await new ConnectProxy({ leads: { ...leads, '10.0.0.1:443': edge.port } }).start();
    const env = { HTTPS_PROXY: `127.0.0.1:${proxy.port}` };
    const named = (host: string, publicOnly: boolean) =>
      dialBy(env, { host, port: 443, domain: 'edge.test', named: true, publicOnly });
    expect((await named('203.0.113.9', true)).ok).toBe(true);
    for (const host of ['10.0.0.1', 'nowhere.invalid'])
      for (const publicOnly of [true, false])
        expect(await named(host, publicOnly)).toMatchObject({ error: { code: 'edge_unreachable' } });
    expect(proxy.asked).toEqual(['203.0.113.9:443']);
    // What the user named may be anywhere.
    expect((await dialBy(env, { host: '10.0.0.1', port: 443, domain: 'edge.test' })).ok).toBe(true);
  });
});
