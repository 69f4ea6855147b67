import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileCertificates } from '../../../edge/certificates/file-certificates.ts';
import type { KeyPair } from '../../../edge/certificates/key-pair.ts';
import { NameTable } from '../../../edge/certificates/name-table.ts';
import { listFolder } from '../../../edge/certificates/pair-folder.ts';
import type { PairSource } from '../../../edge/certificates/pair-set.ts';
import { createLogger, type Logger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { OpensslAuthority, type PemPair } from '../../support/openssl.ts';

const DAY = 86_400_000;
const makers = temporaryFolder();
const authority = new OpensslAuthority(makers.path);
afterAll(() => makers[Symbol.dispose]());

const alpha = authority.issue({ names: ['DNS:a.example'] });
const alphaLater = authority.issue({ names: ['DNS:a.example'], days: 120 });
const wild = authority.issue({ names: ['DNS:*.example'], days: 100 });
const beta = authority.issue({ names: ['DNS:b.example'] });

let folder: ReturnType<typeof temporaryFolder>;
let clock: ManualClock;
let lines: { readonly level: string; readonly msg: string; readonly [field: string]: unknown }[];
let log: Logger;
let files: FileCertificates | undefined;
let changed: PromiseWithResolvers<void>;
beforeEach(() => {
  folder = temporaryFolder();
  clock = new ManualClock(Date.now() + 1000);
  // A look that is under way when a test ends writes to that test's lines.
  const own: typeof lines = [];
  lines = own;
  log = createLogger({ level: 'info', write: (line) => own.push(JSON.parse(line)) });
  changed = Promise.withResolvers();
});
afterEach(() => {
  files?.close();
  folder[Symbol.dispose]();
});

const at = (...parts: string[]): string => path.join(folder.path, ...parts);
const put = (pair: PemPair, cert: string, key: string): void => {
  mkdirSync(path.dirname(at(cert)), { recursive: true });
  writeFileSync(at(cert), pair.cert);
  writeFileSync(at(key), pair.key, { mode: 0o600 });
};
const warnings = (): string[] => lines.filter((line) => line.level === 'warn').map((line) => line.msg);

const openAll = (...sources: PairSource[]) =>
  FileCertificates.open({ sources, clock, log, onChange: () => changed.resolve() });
async function open(...sources: PairSource[]): Promise<FileCertificates> {
  files = must(await openAll(...sources));
  return files;
}
const inFolder = (): PairSource => ({ kind: 'folder', path: folder.path });
const named = (cert: string, key: string): PairSource => ({ kind: 'pair', paths: { cert: at(cert), key: at(key) } });

/** A look takes no time by this clock, however long the machine needs for it: the rest after it counts by that. */
function letPass(): void {
  if (clock.timers > 0) clock.advance(5_000);
}

/** Lets the poll come round until it has noticed something. */
async function nextChange(): Promise<void> {
  const noticed = changed.promise;
  const again = setInterval(letPass, 20);
  letPass();
  await noticed;
  clearInterval(again);
  changed = Promise.withResolvers();
}

const endOf = (found: KeyPair | undefined): number => Math.round(((found?.notAfter ?? 0) - Date.now()) / DAY);

describe('a folder of certificates', () => {
  it('takes pairs side by side and as certbot lays them, and leaves everything else alone', async () => {
    put(alpha, 'a.crt', 'a.key');
    put(beta, 'b.pem', 'b.key');
    put(wild, 'live/fullchain.pem', 'live/privkey.pem');
    put(alpha, '..data/tls.crt', '..data/tls.key');
    put(alpha, 'deep/er/x.crt', 'deep/er/x.key');
    for (const name of ['chain.pem', 'lonely.crt', 'orphan.key', 'README', 'live/cert.pem', 'a.pem'])
      writeFileSync(at(name), 'not a pair');
    const content = must(await listFolder(folder.path));
    expect(content.pairs.map((pair) => path.relative(folder.path, pair.cert))).toEqual([
      'a.crt',
      'b.pem',
      path.join('live', 'fullchain.pem'),
    ]);
    const certificates = await open(inFolder());
    expect(certificates.pairs).toHaveLength(3);
    expect(certificates.problems).toEqual([]);
    expect([...certificates.names().keys()].sort()).toEqual(['*.example', 'a.example', 'b.example']);
  });

  it('answers by the exact name first, then by the wildcard one label above', async () => {
    put(alpha, 'a.crt', 'a.key');
    put(wild, 'w.crt', 'w.key');
    const certificates = await open(inFolder());
    const [exact, covering] = ['a.example', 'c.example'].map((name) => certificates.find(name));
    expect([endOf(exact), endOf(covering)]).toEqual([90, 100]);
    expect(certificates.find('xn--bcher-kva.example')).toBe(covering);
    for (const name of ['example', 'x.c.example', 'a.example.org', '', '*.example.', 'aXexample'])
      expect(certificates.find(name)).toBeUndefined();
  });

  it('prefers what lasts longer among equals, and what is valid to what is not', async () => {
    put(alpha, '1.crt', '1.key');
    put(alphaLater, '2.crt', '2.key');
    put(wild, 'w.crt', 'w.key');
    const certificates = await open(inFolder());
    expect(endOf(certificates.find('a.example'))).toBe(120);
    const old = (lasts: number): KeyPair => ({ ...firstOf(certificates), names: ['x'], notAfter: lasts, notBefore: 0 });
    const table = new NameTable([old(5), { ...old(9), notBefore: 7 }, old(6)], 4);
    expect([...table.candidates('x')].map((pair) => pair.notAfter)).toEqual([6]);
  });

  it('answers by a wildcard that is valid where the exact certificate has expired', async () => {
    put(alpha, 'a.crt', 'a.key');
    put(wild, 'w.crt', 'w.key');
    const certificates = await open(inFolder());
    clock.advance(95 * DAY);
    expect(endOf(certificates.find('a.example'))).toBe(100);
    clock.advance(10 * DAY);
    expect(endOf(certificates.find('a.example'))).toBe(90);
  });

  it('notices what is added, changed and removed', async () => {
    const certificates = await open(inFolder());
    expect(certificates.find('a.example')).toBeUndefined();
    put(alpha, 'new/tls.crt', 'new/tls.key');
    await nextChange();
    expect(endOf(certificates.find('a.example'))).toBe(90);
    put(alphaLater, 'new/tls.crt', 'new/tls.key');
    await nextChange();
    expect(endOf(certificates.find('a.example'))).toBe(120);
    rmSync(at('new'), { recursive: true });
    await nextChange();
    expect(certificates.find('a.example')).toBeUndefined();
    expect(warnings()).toEqual([]);
  });

  it('finds by looking what no watch tells of: a link to a file elsewhere', async () => {
    put(alpha, 'in/a.crt', 'in/a.key');
    rmSync(at('in/a.crt'));
    put(alpha, 'elsewhere/a.crt', 'elsewhere/a.key');
    symlinkSync(at('elsewhere/a.crt'), at('in/a.crt'));
    const certificates = await open({ kind: 'folder', path: at('in') });
    const again = authority.issue({ names: ['DNS:a.example'], days: 70 });
    put(again, 'elsewhere/both', 'elsewhere/a.key');
    symlinkSync(at('elsewhere/a.key'), at('in/new.key'));
    renameSync(at('in/new.key'), at('in/a.key'));
    await nextChange();
    expect(certificates.problems).toHaveLength(1);
    writeFileSync(at('elsewhere/a.crt'), again.cert);
    await nextChange();
    expect(endOf(certificates.find('a.example'))).toBe(70);
  });

  it('keeps a pair of which half is gone, and drops it with the other half', async () => {
    put(alpha, 'a.crt', 'a.key');
    const certificates = await open(inFolder());
    unlinkSync(at('a.key'));
    await nextChange();
    expect(certificates.find('a.example')).toBeDefined();
    expect(certificates.problems).toEqual([{ path: at('a.crt'), reason: 'its key is missing' }]);
    unlinkSync(at('a.crt'));
    await nextChange();
    expect(certificates.find('a.example')).toBeUndefined();
    expect(certificates.problems).toEqual([]);
  });

  it('leaves a bad pair out and says so once, without harm to the others', async () => {
    put(alpha, 'a.crt', 'a.key');
    put({ cert: beta.cert, key: alpha.key }, 'b.crt', 'b.key');
    const certificates = await open(inFolder());
    expect(certificates.find('a.example')).toBeDefined();
    expect(certificates.find('b.example')).toBeUndefined();
    put(alphaLater, 'a.crt', 'a.key');
    await nextChange();
    expect(warnings()).toEqual(['a certificate cannot be used; it is left out']);
    put(beta, 'b.crt', 'b.key');
    await nextChange();
    expect(certificates.find('b.example')).toBeDefined();
    expect(lines.at(-1)?.msg).toBe('a certificate is in order again');
  });

  it('keeps what it read while the folder itself is away', async () => {
    put(alpha, 'in/a.crt', 'in/a.key');
    const certificates = await open({ kind: 'folder', path: at('in') });
    renameSync(at('in'), at('away'));
    await nextChange();
    expect(certificates.find('a.example')).toBeDefined();
    expect(certificates.problems).toContainEqual({ path: at('in'), reason: 'it is missing' });
    renameSync(at('away'), at('in'));
    await nextChange();
    expect(certificates.problems).toEqual([]);
  });

  it('is looked at up to its limits only', async () => {
    for (let i = 0; i < 12; i++) put(alpha, `${i}.crt`, `${i}.key`);
    mkdirSync(at('sub'));
    const wide = { entries: 1000, pairs: 1000, folders: 10 };
    expect(must(await listFolder(folder.path, wide))).toMatchObject({ cut: false, folders: [folder.path, at('sub')] });
    const few = must(await listFolder(folder.path, { ...wide, pairs: 5 }));
    expect(few.pairs).toHaveLength(5);
    expect(few.cut).toBe(true);
    expect(must(await listFolder(folder.path, { ...wide, entries: 10 })).cut).toBe(true);
    expect(must(await listFolder(folder.path, { ...wide, folders: 0 })).cut).toBe(true);
  });

  it('reads neither giants nor what is no file', async () => {
    put(alpha, 'a.crt', 'a.key');
    put(beta, 'giant.crt', 'giant.key');
    truncateSync(at('giant.crt'), 2 ** 40);
    mkdirSync(at('x.crt'));
    writeFileSync(at('x.key'), alpha.key);
    symlinkSync('/dev/zero', at('zero.crt'));
    symlinkSync('loop.crt', at('loop.crt'));
    for (const name of ['zero.key', 'loop.key']) writeFileSync(at(name), alpha.key, { mode: 0o600 });
    const certificates = await open(inFolder());
    expect(certificates.find('a.example')).toBeDefined();
    expect(certificates.problems).toEqual([
      { path: at('giant.crt'), reason: 'it is larger than 1 MiB' },
      { path: at('loop.crt'), reason: 'it cannot be read (ELOOP)' },
      { path: at('x.crt'), reason: 'it is not a file' },
      { path: at('zero.crt'), reason: 'it is not a file' },
    ]);
  });

  it('is refused at the start when it is not there', async () => {
    const opened = await openAll({ kind: 'folder', path: at('nowhere') });
    expect(opened).toMatchObject({ ok: false, error: { code: 'certificate_unusable' } });
  });
});

describe('a named pair', () => {
  it.each<[string, PemPair]>([
    ['garbage', { cert: 'garbage', key: alpha.key }],
    ['a key of another', { cert: alpha.cert, key: beta.key }],
    ['nothing yet', { cert: '', key: '' }],
    ['half of itself', { cert: alpha.cert.slice(0, 300), key: alpha.key }],
  ])('is refused at the start when it is %s', async (_, pair) => {
    put(pair, 'tls.crt', 'tls.key');
    const opened = await openAll(named('tls.crt', 'tls.key'));
    expect(opened).toMatchObject({ ok: false, error: { code: 'certificate_unusable' } });
    expect(lines).toEqual([]);
  });

  it('stays as it was while its files are bad or gone, says so, and recovers', async () => {
    put(alpha, 'tls.crt', 'tls.key');
    const certificates = await open(named('tls.crt', 'tls.key'));
    const before = certificates.find('a.example');
    writeFileSync(at('tls.crt'), 'garbage');
    await nextChange();
    writeFileSync(at('tls.crt'), beta.cert);
    await nextChange();
    unlinkSync(at('tls.crt'));
    await nextChange();
    expect(certificates.find('a.example')).toBe(before);
    expect(lines.filter((line) => line.level === 'warn').map((line) => line.reason)).toEqual([
      'it holds no certificate in PEM',
      'its key belongs to another certificate',
      'it is missing',
    ]);
    writeFileSync(at('tls.crt'), alpha.cert);
    await nextChange();
    expect(certificates.problems).toEqual([]);
    expect(certificates.find('a.example')).toBe(before);
  });

  it('is followed through a link to its folder that is swapped at once, as Kubernetes does', async () => {
    put(alpha, '..1/tls.crt', '..1/tls.key');
    put(alphaLater, '..2/tls.crt', '..2/tls.key');
    symlinkSync('..1', at('..data'));
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(path.join('..data', name), at(name));
    const certificates = await open(named('tls.crt', 'tls.key'));
    symlinkSync('..2', at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
    await nextChange();
    expect(endOf(certificates.find('a.example'))).toBe(120);
  });

  it('answers before a folder, in the order given', async () => {
    put(wild, 'w.crt', 'w.key');
    put(alpha, 'in/a.crt', 'in/a.key');
    const certificates = await open(named('w.crt', 'w.key'), { kind: 'folder', path: at('in') });
    expect(endOf(certificates.find('a.example'))).toBe(100);
    expect(certificates.names().size).toBe(2);
  });

  it.skipIf(process.platform === 'win32')('is warned of once when everybody may read its key', async () => {
    put(alpha, 'tls.crt', 'tls.key');
    chmodSync(at('tls.key'), 0o644);
    await open(named('tls.crt', 'tls.key'));
    expect(warnings()).toEqual(['everybody on this machine may read a private key; take that right away (chmod 600)']);
    writeFileSync(at('tls.crt'), alphaLater.cert);
    writeFileSync(at('tls.key'), alphaLater.key);
    await nextChange();
    expect(warnings()).toHaveLength(1);
    expect(readdirSync(folder.path)).toHaveLength(2);
  });
});

function firstOf(certificates: FileCertificates): KeyPair {
  const [pair] = certificates.pairs;
  if (pair === undefined) throw new Error('no pair');
  return pair;
}
