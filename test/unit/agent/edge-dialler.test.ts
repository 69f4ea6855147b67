import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate, toPem } from '../../../edge/certificates/x509.ts';
import { fingerprintOf } from '../../../main/agent/certificates.ts';
import type { EdgeAddress, EdgeTrust } from '../../../main/agent/edge-address.ts';
import { createEdgeDialler } from '../../../main/agent/edge-dialler.ts';

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
  const dialled = await createEdgeDialler(address, trust, now).dial({ purpose, signal: new AbortController().signal });
  if (dialled.ok) dialled.value.destroy();
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
      if (dialled.ok) dialled.value.destroy();
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
