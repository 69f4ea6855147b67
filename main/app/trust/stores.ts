import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { because, type Reason } from '../../../shared/domain/reason.ts';
import type { Command, TrustSystem } from './system.ts';

/** A certificate authority that may be installed. */
export interface Authority {
  readonly pem: string;
  /** SHA-256 and SHA-1 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly sha1: string;
  /** What stores call it; tells authorities apart. */
  readonly name: string;
  /** Where its PEM lies. */
  readonly file: string;
}

/** A place where programs look for authorities, and how it is worked: as data, so that every platform is testable. */
export interface TrustStore {
  /** For people. */
  readonly title: Reason;
  /** Whether browsers look here. */
  readonly browsers: boolean;
  /** The command that succeeds when the authority is in it, or the file that holds it then. */
  readonly check: { readonly command: Command } | { readonly file: string };
  /** Folders that must exist first. */
  readonly folders?: readonly string[];
  /** Makes the store itself, when it is missing. */
  readonly create?: Command;
  readonly install: Command;
  /** Needs the administrator's rights. */
  readonly administrator?: boolean;
  /** The package that has the tool, for people. */
  readonly tool: string;
}

/** Where Linux distributions keep the authorities that their administrator adds, and what makes them known. */
const ANCHORS = [
  { folder: 'usr/local/share/ca-certificates', update: 'update-ca-certificates' },
  { folder: 'etc/pki/ca-trust/source/anchors', update: 'update-ca-trust' },
  { folder: 'etc/ca-certificates/trust-source/anchors', update: 'update-ca-trust' },
] as const;

/** Firefox keeps its own store in each profile, wherever it was installed from. */
const FIREFOX: Readonly<Record<string, readonly string[]>> = {
  linux: [
    '.mozilla/firefox',
    '.config/mozilla/firefox',
    'snap/firefox/common/.mozilla/firefox',
    '.var/app/org.mozilla.firefox/.mozilla/firefox',
  ],
  darwin: ['Library/Application Support/Firefox/Profiles'],
};
/** NSS databases of Chromium beside the usual one: only where they exist. */
const CHROMIUM_SNAP = 'snap/chromium/current/.pki/nssdb';

/** Every store of this machine that the authority belongs in. */
export function trustStores(authority: Authority, system: TrustSystem): readonly TrustStore[] {
  if (system.platform === 'darwin') return [loginKeychain(authority, system), ...firefoxStores(authority, system)];
  if (system.platform === 'win32') return [windowsRoot(authority)];
  const anchors = linuxAnchors(authority, system);
  const snap = join(system.home, CHROMIUM_SNAP);
  return [
    ...(anchors === undefined ? [] : [anchors]),
    nssStore(because('store_chromium'), join(system.home, '.pki/nssdb'), authority, 'libnss3-tools'),
    ...(existsSync(snap) ? [nssStore('Chromium (snap)', snap, authority, 'libnss3-tools')] : []),
    ...firefoxStores(authority, system),
  ];
}

function linuxAnchors(authority: Authority, { root }: TrustSystem): TrustStore | undefined {
  const found = ANCHORS.find(({ folder }) => existsSync(join(root, folder)));
  if (found === undefined) return undefined;
  const file = join(root, found.folder, `porthole-${authority.fingerprint.slice(0, 16)}.crt`);
  return {
    title: because('store_system'),
    browsers: false,
    check: { file },
    // One command, so that a password is asked for once.
    install: ['sh', '-c', `install -m 0644 "$1" "$2" && ${found.update}`, 'sh', authority.file, file],
    administrator: true,
    tool: 'ca-certificates',
  };
}

function nssStore(title: Reason, folder: string, { name, file }: Authority, tool: string): TrustStore {
  const database = `sql:${folder}`;
  return {
    title,
    browsers: true,
    check: { command: ['certutil', '-d', database, '-L', '-n', name] },
    folders: [folder],
    ...(existsSync(join(folder, 'cert9.db'))
      ? {}
      : { create: ['certutil', '-d', database, '-N', '--empty-password'] as const }),
    // C: trusted to issue server certificates, and nothing else.
    install: ['certutil', '-d', database, '-A', '-t', 'C,,', '-n', name, '-i', file],
    tool,
  };
}

function firefoxStores(authority: Authority, { platform, home }: TrustSystem): TrustStore[] {
  const tool = platform === 'darwin' ? 'nss' : 'libnss3-tools';
  return (FIREFOX[platform] ?? [])
    .map((folder) => join(home, folder))
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((profile) => join(folder, profile)) : []))
    .filter((profile) => existsSync(join(profile, 'cert9.db')))
    .map((profile) => nssStore(`Firefox (${profile.split(/[\\/]/).at(-1)})`, profile, authority, tool));
}

const loginKeychain = ({ file }: Authority, { home }: TrustSystem): TrustStore => ({
  title: because('store_keychain'),
  browsers: true,
  check: { command: ['security', 'verify-cert', '-c', file] },
  install: [
    'security',
    'add-trusted-cert',
    '-r',
    'trustRoot',
    '-k',
    join(home, 'Library/Keychains/login.keychain-db'),
    file,
  ],
  tool: 'security',
});

const windowsRoot = ({ file, sha1 }: Authority): TrustStore => ({
  title: because('store_user'),
  browsers: true,
  check: { command: ['certutil', '-user', '-verifystore', 'Root', sha1] },
  install: ['certutil', '-user', '-addstore', 'Root', file],
  tool: 'certutil',
});
