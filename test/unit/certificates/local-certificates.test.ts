import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type PeerCertificate } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Certificates } from '../../../edge/certificates/certificates.ts';
import { openLocalCa } from '../../../edge/certificates/local-ca.ts';
import { createLocalCertificates } from '../../../edge/certificates/local-certificates.ts';
import { must } from '../../compliance/data.ts';

const DAY = 24 * 3600_000;
let dataDir: string;
let now: number;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'porthole-ca-'));
  now = Date.now();
});
afterEach(() => rm(dataDir, { recursive: true }));

const open = (more: { domain?: string; capacity?: number } = {}): Certificates =>
  must(createLocalCertificates({ dataDir, domain: 'localhost', now: () => now, ...more }));

/** What a TLS client that trusts `ca` makes of the certificate that the edge shows for `servername`. */
async function handshake(certificates: Certificates, servername: string): Promise<PeerCertificate> {
  const server = createServer({
    SNICallback: (name, done) => done(null, certificates.secureContext(name)),
  });
  server.setSecureContext({});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve, reject) => {
      const ca = certificates.caPem;
      const socket = connect({ port, host: '127.0.0.1', servername, ...(ca === undefined ? {} : { ca }) }, () => {
        resolve(socket.getPeerCertificate(true));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  } finally {
    server.close();
  }
}

/** Runs `openssl verify` for a leaf of `name`, signed by the CA in `dataDir`. */
async function opensslVerify(name: string, domain = 'localhost'): Promise<string> {
  const ca = must(openLocalCa(join(dataDir, 'certificates'), domain, () => now));
  const leaf = join(dataDir, 'leaf.pem');
  await writeFile(leaf, ca.sign(name, 90 * DAY).chainPem);
  try {
    const args = [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-verify_hostname',
      name,
      '-CAfile',
      ca.file,
      leaf,
    ];
    return execFileSync('openssl', args, { stdio: 'pipe' }).toString();
  } catch (error) {
    return error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  }
}

describe('local certificates', () => {
  it('are accepted by a TLS client that trusts the CA, for the domain and names under it', async () => {
    const certificates = open();
    for (const name of ['localhost', 'shop.localhost', 'a.b.localhost']) {
      const peer = await handshake(certificates, name);
      expect(peer.subjectaltname).toContain(`DNS:${name}`);
    }
  });

  it('carry loopback addresses on the leaf of localhost only', () => {
    const ca = must(openLocalCa(join(dataDir, 'certificates'), 'localhost', () => now));
    const apex = new X509Certificate(ca.sign('localhost', DAY).chainPem);
    expect(apex.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(apex.checkIP('::1')).toBe('::1');
    expect(new X509Certificate(ca.sign('x.localhost', DAY).chainPem).checkIP('127.0.0.1')).toBeUndefined();
  });

  it('pass the strict check of OpenSSL', async () => {
    expect(await opensslVerify('localhost')).toContain('OK');
    expect(await opensslVerify('shop.localhost')).toContain('OK');
    expect(await opensslVerify('app.edge.example.com', 'edge.example.com')).toContain('OK');
  });

  it('cannot be used for another name, even by a thief of the CA key', async () => {
    expect(await opensslVerify('bank.example.com')).toContain('permitted subtree violation');
    expect(await opensslVerify('example.com', 'edge.example.com')).toContain('permitted subtree violation');
  });

  it('are refused for names that are not under the domain or not names', () => {
    const certificates = open();
    for (const name of ['example.com', 'notlocalhost', '-x.localhost', 'UPPER.localhost', '', '*.localhost'])
      expect(certificates.secureContext(name)).toBeUndefined();
    expect(certificates.state('example.com').state).toBe('failed');
    expect(certificates.state('shop.localhost')).toEqual({ state: 'ready' });
  });

  it('outlive a restart with the same CA', () => {
    const first = open();
    const second = open();
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(second.caPem).toBe(first.caPem);
  });

  it('name the fingerprint of the CA that the chain shows', async () => {
    const certificates = open();
    const peer = await handshake(certificates, 'shop.localhost');
    const chain = 'issuerCertificate' in peer ? (peer.issuerCertificate as PeerCertificate) : peer;
    expect(chain.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(certificates.fingerprint);
  });

  it('keep their files to the owner and leave no drafts', async () => {
    open();
    const folder = join(dataDir, 'certificates');
    expect((await readdir(folder)).sort()).toEqual(['ca-localhost.key', 'ca-localhost.pem']);
    expect((await stat(join(folder, 'ca-localhost.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('are kept until a third of their life is left, then made anew', () => {
    const certificates = open();
    const first = certificates.secureContext('shop.localhost');
    now += 59 * DAY;
    expect(certificates.secureContext('shop.localhost')).toBe(first);
    now += 2 * DAY;
    expect(certificates.secureContext('shop.localhost')).not.toBe(first);
  });

  it('are kept for the names used last', () => {
    const certificates = open({ capacity: 2 });
    const a = certificates.secureContext('a.localhost');
    const b = certificates.secureContext('b.localhost');
    expect(certificates.secureContext('a.localhost')).toBe(a);
    certificates.secureContext('c.localhost');
    expect(certificates.secureContext('a.localhost')).toBe(a);
    expect(certificates.secureContext('b.localhost')).not.toBe(b);
  });

  it('live at most 398 days', () => {
    const ca = must(openLocalCa(join(dataDir, 'certificates'), 'localhost', () => now));
    open();
    const leaf = new X509Certificate(ca.sign('x.localhost', 90 * DAY).chainPem);
    expect(leaf.validToDate.getTime() - leaf.validFromDate.getTime()).toBeLessThan(398 * DAY);
  });
});

describe('the CA on disk', () => {
  const file = (name: string): string => join(dataDir, 'certificates', name);

  it('is made again when only its key had been written', async () => {
    open();
    await rm(file('ca-localhost.pem'));
    expect(open().secureContext('localhost')).toBeDefined();
  });

  it('is never replaced when it is damaged: that is said', async () => {
    open();
    const damage: (readonly [string, () => Promise<void>])[] = [
      ['its key is missing', () => rm(file('ca-localhost.key'))],
      ['it cannot be read', () => writeFile(file('ca-localhost.key'), 'no key')],
      ['it cannot be read', () => writeFile(file('ca-localhost.pem'), 'no certificate')],
    ];
    for (const [reason, harm] of damage) {
      await harm();
      const opened = createLocalCertificates({ dataDir, domain: 'localhost' });
      expect(opened.ok ? '' : opened.error.code).toBe('data_damaged');
      expect(opened.ok ? '' : opened.error.message).toContain(reason);
    }
  });

  it('of another domain is another CA', () => {
    const local = open();
    expect(open({ domain: 'edge.example.com' }).fingerprint).not.toBe(local.fingerprint);
    expect(open().fingerprint).toBe(local.fingerprint);
  });

  it('cannot be made under a file: that is said', async () => {
    await writeFile(join(dataDir, 'plain'), '');
    const opened = createLocalCertificates({ dataDir: join(dataDir, 'plain'), domain: 'localhost' });
    expect(opened.ok ? '' : opened.error.code).toBe('data_unwritable');
  });
});
