import { X509Certificate } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateSet, type CertificateSources } from '../../../edge/certificates/certificate-set.ts';
import { because } from '../../../shared/domain/reason.ts';
import { createLogger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { OpensslAuthority, type PemPair } from '../../support/openssl.ts';

const DAY = 86_400_000;
const makers = temporaryFolder();
const authority = new OpensslAuthority(makers.path);
afterAll(() => makers[Symbol.dispose]());
const apex = authority.issue({ names: ['DNS:edge.example', 'DNS:*.edge.example'] });
const shop = authority.issue({ names: ['DNS:shop.edge.example'], days: 30 });
const issuerPin = new X509Certificate(authority.issuerPem).fingerprint256.replaceAll(':', '').toLowerCase();

let folder: ReturnType<typeof temporaryFolder>;
let clock: ManualClock;
let lines: { readonly level: string; readonly msg: string; readonly [field: string]: unknown }[];
let set: CertificateSet | undefined;
beforeEach(() => {
  folder = temporaryFolder();
  clock = new ManualClock(Date.now() + 1000);
});
afterEach(() => {
  set?.close();
  set = undefined;
  folder[Symbol.dispose]();
});

const at = (name: string): string => path.join(folder.path, name);
function put(name: string, pair: PemPair): { cert: string; key: string } {
  const paths = { cert: at(`${name}.crt`), key: at(`${name}.key`) };
  writeFileSync(paths.cert, pair.cert);
  writeFileSync(paths.key, pair.key, { mode: 0o600 });
  return paths;
}
function openAll(sources: Partial<CertificateSources>) {
  const own: typeof lines = [];
  lines = own;
  return CertificateSet.open({
    dataDir: at('data'),
    domain: 'edge.example',
    sources: { pairs: [], folders: [], privateCa: false, ...sources },
    clock,
    log: createLogger({ level: 'warn', write: (line) => own.push(JSON.parse(line)) }),
  });
}
async function open(sources: Partial<CertificateSources>): Promise<CertificateSet> {
  set = must(await openAll(sources));
  return set;
}
/**
 * Lets the poll come round until it has noticed something. While a look is under way, and only the timer of expiries is
 * set, no time passes: the rest after a look counts by how long it took.
 */
async function nextChange(certificates: CertificateSet): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = certificates.watch(resolve);
  const again = setInterval(() => clock.timers > 1 && clock.advance(5_000), 20);
  await promise;
  clearInterval(again);
  stop();
}

describe('certificates of a node', () => {
  it('come from its own CA when there are no files', async () => {
    const certificates = await open({ privateCa: true });
    expect(certificates.caPem).toContain('BEGIN CERTIFICATE');
    expect(certificates.state('a.edge.example')).toEqual({ state: 'ready' });
    expect([...certificates.expiries().keys()]).toEqual(['edge.example', '*.edge.example']);
    expect(certificates.counts()).toEqual({ loaded: 0, unusable: 0 });
  });

  it('name no CA and pin the issuer when they come from files', async () => {
    const certificates = await open({ pairs: [put('apex', apex)] });
    expect(certificates.fingerprint).toBe(issuerPin);
    expect([certificates.caPem, certificates.caFile]).toEqual([undefined, undefined]);
    expect(certificates.defaultContext()).toBe(certificates.secureContext('edge.example'));
  });

  it('never fall back to a CA of their own without being told', async () => {
    const certificates = await open({ pairs: [put('apex', apex)] });
    expect(certificates.secureContext('a.b.edge.example')).toBeUndefined();
    expect(certificates.state('a.b.edge.example')).toMatchObject({
      state: 'failed',
      reason: because('certificate_none', { domain: 'a.b.edge.example' }),
    });
  });

  it('are signed by the own CA where no file covers a name, when told so', async () => {
    const certificates = await open({ pairs: [put('shop', shop)], privateCa: true });
    expect(certificates.secureContext('a.b.edge.example')).toBeDefined();
    expect(certificates.state('a.b.edge.example')).toEqual({ state: 'ready' });
    expect(certificates.caPem).toContain('BEGIN CERTIFICATE');
    const ends = certificates.expiries();
    expect([...ends.keys()]).toEqual(['shop.edge.example', 'edge.example', '*.edge.example']);
    expect(Math.round(((ends.get('shop.edge.example') ?? 0) - Date.now()) / DAY)).toBe(30);
  });

  it('must cover the cluster domain: the refusal names it', async () => {
    const opened = await openAll({ pairs: [put('shop', shop)] });
    expect(opened).toMatchObject({
      ok: false,
      error: { code: 'certificate_missing', message: expect.stringContaining('edge.example') },
    });
    expect(clock.timers).toBe(0);
  });

  it('keep the last one for the cluster domain when its files go', async () => {
    put('apex', apex);
    const certificates = await open({ folders: [folder.path] });
    const before = certificates.defaultContext();
    rmSync(at('apex.crt'));
    rmSync(at('apex.key'));
    await nextChange(certificates);
    while (certificates.secureContext('edge.example') !== undefined) await nextChange(certificates);
    expect(certificates.defaultContext()).toBe(before);
    expect(certificates.fingerprint).toBe(issuerPin);
    expect(certificates.state('a.edge.example').state).toBe('failed');
    expect(lines.at(-1)?.msg).toContain('the last one stays in use');
  });

  it('say when the pin of laptops changes, and only then', async () => {
    const paths = put('apex', apex);
    const certificates = await open({ pairs: [paths] });
    const said = (): number => lines.filter(({ msg }) => msg.includes('fingerprint')).length;
    put('apex', authority.issue({ names: ['DNS:edge.example'] }));
    await nextChange(certificates);
    expect(said()).toBe(0);
    using elsewhere = temporaryFolder();
    put('apex', new OpensslAuthority(elsewhere.path).issue({ names: ['DNS:edge.example'] }));
    while (certificates.fingerprint === issuerPin) await nextChange(certificates);
    expect(said()).toBe(1);
  });
});

describe('the end of a certificate', () => {
  const late = () => lines.filter(({ msg }) => msg === 'certificates should have been renewed');

  it('is warned of a third of its life or 14 days before, whichever is later, once a day', async () => {
    const certificates = await open({ pairs: [put('apex', apex), put('shop', shop)] });
    clock.advance(19 * DAY);
    expect(late()).toHaveLength(0);
    clock.advance(1.5 * DAY);
    expect(late()).toHaveLength(1);
    expect(late()[0]).toMatchObject({ count: 1, soonest: [expect.stringContaining('shop.edge.example expires')] });
    clock.advance(2 * DAY);
    expect(late()).toHaveLength(3);
    expect(certificates.state('shop.edge.example')).toEqual({ state: 'ready' });
  });

  it('is a failed state and tells its watchers, without being asked', async () => {
    const certificates = await open({ pairs: [put('apex', apex)] });
    const told = nextChange(certificates);
    clock.advance(91 * DAY);
    await told;
    expect(certificates.state('a.edge.example')).toMatchObject({
      state: 'failed',
      reason: { key: 'certificate_late' },
    });
    expect(certificates.secureContext('a.edge.example')).toBeDefined();
    expect(late().at(-1)).toMatchObject({ soonest: [expect.stringContaining('expired'), expect.anything()] });
  });
});
