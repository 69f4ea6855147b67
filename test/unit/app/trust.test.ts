import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCertificate, toPem } from '../../../edge/certificates/x509.ts';
import { openConfSettings } from '../../../main/app/conf-settings.ts';
import type { SettingsStore } from '../../../main/app/settings.ts';
import { shown } from '../../../main/app/trust/install.ts';
import { type Authority, trustStores } from '../../../main/app/trust/stores.ts';
import { type Command, type CommandOutcome, runCommand, type TrustSystem } from '../../../main/app/trust/system.ts';
import { createTrustKeeper } from '../../../main/app/trust/trust-keeper.ts';
import type { ClusterInfo } from '../../../shared/contract/control-api.ts';
import { temporaryFolder } from '../../support/folder.ts';

const hasCertutil = existsSync('/usr/bin/certutil');

/** A private authority as the embedded edge makes one, PEM. */
function authority(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = makeCertificate({
    commonName: 'Test CA',
    issuerName: 'Test CA',
    key: privateKey,
    signWith: privateKey,
    notBefore: Date.now() - 3_600_000,
    notAfter: Date.now() + 86_400_000,
    kind: { ca: true, constraints: { permitted: [{ dns: 'localhost' }], excluded: [] } },
  });
  return toPem(der);
}

const cluster = (caPem?: string) => ({ ...(caPem === undefined ? {} : { caPem }) }) as ClusterInfo;

async function settingsIn(folder: string): Promise<SettingsStore> {
  const store = await openConfSettings(folder);
  if (!store.ok) throw new Error(store.error.message);
  return store.value;
}

/** A Linux machine in a folder. Without `run`, the real tools work on it; the system store's are played. */
function linux(folder: string, more: Partial<TrustSystem> = {}): { system: TrustSystem; commands: Command[] } {
  const commands: Command[] = [];
  mkdirSync(path.join(folder, 'home'), { recursive: true });
  const run = async (command: Command): Promise<CommandOutcome> => {
    commands.push(command);
    // The machine that runs the tests keeps its own list of authorities.
    if (command[0] === 'sh') execFileSync('cp', [command[4] ?? '', command[5] ?? '']);
    return command[0] === 'certutil' ? runCommand(command) : { code: 0, missing: false, stdout: '', stderr: '' };
  };
  const base = { platform: 'linux' as const, home: path.join(folder, 'home'), root: path.join(folder, 'root') };
  return { system: { ...base, privileged: true, graphical: false, run, ...more }, commands };
}

const missing = async (): Promise<CommandOutcome> => ({ code: undefined, missing: true, stdout: '', stderr: '' });

describe.runIf(hasCertutil)('on Linux', () => {
  it('installs into the system, Chromium and Firefox, once', async () => {
    using folder = temporaryFolder();
    const pem = authority();
    mkdirSync(path.join(folder.path, 'root/usr/local/share/ca-certificates'), { recursive: true });
    const profile = path.join(folder.path, 'home/snap/firefox/common/.mozilla/firefox/abc.default');
    mkdirSync(profile, { recursive: true });
    execFileSync('certutil', ['-d', `sql:${profile}`, '-N', '--empty-password']);
    const settings = await settingsIn(folder.path);
    const { system, commands } = linux(folder.path);
    const keeper = createTrustKeeper({ settings, home: folder.path, onChange: () => {}, system });
    expect(keeper.stateFor(cluster(pem))).toBe('untrusted');

    const first = await keeper.install(cluster(pem));
    const steps = first.ok ? first.value.steps.map((s) => [s.store, s.outcome]) : first.error;
    expect(steps).toEqual([
      ['System certificates', 'installed'],
      ['Chromium and Chrome', 'installed'],
      ['Firefox (abc.default)', 'installed'],
    ]);
    expect(keeper.stateFor(cluster(pem))).toBe('trusted');
    expect(commands.find((c) => c[0] === 'sh')?.[2]).toContain('update-ca-certificates');
    expect(readdirSync(path.join(folder.path, 'root/usr/local/share/ca-certificates'))).toHaveLength(1);
    const listed = execFileSync('certutil', ['-d', `sql:${folder.path}/home/.pki/nssdb`, '-L'], { encoding: 'utf8' });
    expect(listed).toMatch(/Porthole [0-9a-f]{8}\s+C,,/);

    const second = await keeper.install(cluster(pem));
    expect(second.ok && second.value.steps.every((s) => s.outcome === 'already')).toBe(true);
  });

  it('knows at the next start, and notices when the user took it out again', async () => {
    using folder = temporaryFolder();
    const pem = authority();
    const settings = await settingsIn(folder.path);
    const { system } = linux(folder.path);
    await createTrustKeeper({ settings, home: folder.path, onChange: () => {}, system }).install(cluster(pem));
    const changed = Promise.withResolvers<void>();
    const start = (onChange: () => void) => createTrustKeeper({ settings, home: folder.path, onChange, system });
    // This one looks too, perhaps only after the removal below: what it finds is its own news.
    expect(start(() => {}).stateFor(cluster(pem))).toBe('trusted');
    const [fingerprint = ''] = settings.get().trusted;
    const database = `sql:${path.join(folder.path, 'home/.pki/nssdb')}`;
    execFileSync('certutil', ['-d', database, '-D', '-n', `Porthole ${fingerprint.slice(0, 8)}`]);
    const keeper = start(changed.resolve);
    keeper.stateFor(cluster(pem));
    await changed.promise;
    expect(keeper.stateFor(cluster(pem))).toBe('untrusted');
    const again = await keeper.install(cluster(pem));
    expect(again.ok && again.value.steps.at(-1)?.outcome).toBe('installed');
  });

  it('says what to type when nobody may act as administrator', async () => {
    using folder = temporaryFolder();
    mkdirSync(path.join(folder.path, 'root/etc/pki/ca-trust/source/anchors'), { recursive: true });
    const { system } = linux(folder.path, { privileged: false, run: missing });
    const keeper = createTrustKeeper({
      settings: await settingsIn(folder.path),
      home: folder.path,
      onChange: () => {},
      system,
    });
    const done = await keeper.install(cluster(authority()));
    if (!done.ok) throw new Error(done.error.message);
    const [anchors, nss] = done.value.steps;
    expect(anchors).toMatchObject({
      outcome: 'skipped',
      note: expect.stringContaining("Run: sudo sh -c 'install -m 0644"),
    });
    expect(anchors?.note).toContain('update-ca-trust');
    // For whoever says it in another language.
    expect(anchors?.said).toMatchObject({ store: { key: 'store_system' }, note: { key: 'trust_administrator' } });
    expect(nss).toMatchObject({ outcome: 'skipped', note: expect.stringContaining('Install libnss3-tools') });
    expect(done.value.trusted).toBe(false);
    expect(keeper.stateFor(cluster(authority()))).toBe('untrusted');
  });
});

it('has nothing to install for a public certificate', async () => {
  using folder = temporaryFolder();
  const keeper = createTrustKeeper({ settings: await settingsIn(folder.path), home: folder.path, onChange: () => {} });
  expect(keeper.stateFor(cluster())).toBe('none');
  expect(await keeper.install(cluster())).toEqual({ ok: true, value: { trusted: true, steps: [] } });
});

it('installs nothing that is no certificate authority', async () => {
  using folder = temporaryFolder();
  const { system, commands } = linux(folder.path);
  const keeper = createTrustKeeper({
    settings: await settingsIn(folder.path),
    home: folder.path,
    onChange: () => {},
    system,
  });
  expect(await keeper.install(cluster('not a certificate'))).toMatchObject({ error: { code: 'trust_failed' } });
  expect(commands).toEqual([]);
});

const MADE: Authority = {
  pem: 'PEM',
  fingerprint: 'f'.repeat(64),
  sha1: 'a'.repeat(40),
  name: 'Porthole ffffffff',
  file: '/h/ca.crt',
};

it.each([
  ['darwin', 'security add-trusted-cert -r trustRoot -k /u/Library/Keychains/login.keychain-db /h/ca.crt'],
  ['win32', 'certutil -user -addstore Root /h/ca.crt'],
] as const)('on %s runs %s', (platform, command) => {
  const stores = trustStores(MADE, {
    platform,
    home: '/u',
    root: '/nowhere',
    privileged: false,
    graphical: true,
    run: missing,
  });
  expect(stores.map((s) => shown(s.install))).toEqual([command]);
});

it('shows commands as they can be pasted', () => {
  expect(shown(['certutil', '-n', 'Porthole 1', "it's"])).toBe("certutil -n 'Porthole 1' 'it'\\''s'");
});
