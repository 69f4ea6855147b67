// `npm run package:check`: packages the app for this machine's Linux as far as that goes without Electron's binary, and
// looks at what came out. In the place of the binary stands a file with the same fuse wire, so that the fuses can be
// set and read back; the packaged app itself is then run in the stand-in (test/standin), never called Electron.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onOwnNode } from './own-node.mjs';

const root = path.join(import.meta.dirname, '..');
/** Bytes that our own code may take in the package. */
const BUDGET = 6 * 1024 * 1024;
/** @electron/fuses: what marks the wire in the binary; then a version, a length, and a digit for each fuse. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const FUSES = 9;
const [OFF, ON] = ['0', '1'].map((digit) => digit.charCodeAt(0));
const OWN = /^\/?(out|build|package\.json|LICENSE)/;

const faults = [];
const check = (holds, words) => {
  process.stdout.write(`${holds ? 'ok    ' : 'FAULT '} ${words}\n`);
  if (!holds) faults.push(words);
};

/** A folder as Electron's archive for Linux unpacks, with a file in the place of the binary. */
function fakeDist(folder) {
  mkdirSync(path.join(folder, 'resources'), { recursive: true });
  const wire = Buffer.concat([Buffer.from(SENTINEL), Buffer.from([1, FUSES]), Buffer.from('1'.repeat(FUSES))]);
  writeFileSync(path.join(folder, 'electron'), Buffer.concat([Buffer.alloc(64), wire, Buffer.alloc(64)]));
  chmodSync(path.join(folder, 'electron'), 0o755);
  writeFileSync(
    path.join(folder, 'version'),
    JSON.parse(readFileSync(path.join(root, 'node_modules/electron/package.json'))).version,
  );
  for (const file of ['LICENSE', 'LICENSES.chromium.html']) writeFileSync(path.join(folder, file), '');
}

/** Packages into `output`; resolves with the folder that holds the app. */
async function pack(dist, output) {
  const { build, Platform } = await import('electron-builder');
  await build({
    projectDir: root,
    targets: Platform.LINUX.createTarget('dir'),
    publish: 'never',
    config: { extends: path.join(root, 'electron-builder.yml'), electronDist: dist, directories: { output } },
  });
  return path.join(output, 'linux-unpacked');
}

async function checkFuses(executable) {
  const { FuseV1Options, getCurrentFuseWire } = await import('@electron/fuses');
  const wire = await getCurrentFuseWire(executable);
  const is = (fuse, on) => wire[FuseV1Options[fuse]] === (on ? ON : OFF);
  for (const [fuse, on] of [
    ['RunAsNode', false],
    ['EnableCookieEncryption', true],
    ['EnableNodeOptionsEnvironmentVariable', false],
    ['EnableNodeCliInspectArguments', false],
    ['EnableEmbeddedAsarIntegrityValidation', true],
    ['OnlyLoadAppFromAsar', true],
  ])
    check(is(fuse, on), `the fuse ${fuse} is ${on ? 'on' : 'off'}`);
}

/** Every file below `folder`, relative to it. */
function filesOf(folder, below = '') {
  return readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(below, entry.name);
    return entry.isDirectory() ? filesOf(folder, name) : [name];
  });
}

function checkContent(app) {
  const files = filesOf(app);
  const own = files.filter((file) => OWN.test(file));
  const text = (file) => readFileSync(path.join(app, file), 'latin1');
  for (const file of ['out/main/desktop.js', 'out/main/edge.js', 'out/preload/preload.cjs', 'out/renderer/index.html'])
    check(files.includes(file), `${file} is there`);
  const strays = own.filter((file) => /\.(map|ts|tsx)$/.test(file));
  check(strays.length === 0, `no sources and no source maps of ours (${strays.slice(0, 3).join(', ') || 'none'})`);
  const leaks = own.filter((file) => /\.(c?js|html|json|css)$/.test(file) && text(file).includes(root));
  check(leaks.length === 0, `no paths of this machine in our files (${leaks.slice(0, 3).join(', ') || 'none'})`);
  const servers = own.filter((file) => /^(edge|main|shared|test|renderer)\//.test(file));
  check(servers.length === 0, 'nothing of the edge but its own bundle');
  const desktop = text('out/main/desktop.js');
  check(!/from ["']fastify["']|from ["']kysely["']/.test(desktop), 'the app itself loads nothing of the edge');
  const size = own.reduce((sum, file) => sum + statSync(path.join(app, file)).size, 0);
  check(size <= BUDGET, `our own code takes ${(size / 1024 / 1024).toFixed(1)} MB of ${BUDGET / 1024 / 1024} MB`);
  const development = [
    'electron',
    'vite',
    'vitest',
    'typescript',
    '@playwright',
    'oidc-provider',
    '@grpc',
    'tailwindcss',
  ];
  const unwanted = development.filter((name) => existsSync(path.join(app, 'node_modules', name)));
  check(unwanted.length === 0, `no package of development (${unwanted.join(', ') || 'none'})`);
}

function checkBinaries(resources) {
  const unpacked = path.join(resources, 'app.asar.unpacked');
  const binaries = existsSync(unpacked) ? filesOf(unpacked).filter((file) => file.endsWith('.node')) : [];
  const keytar = binaries.filter((file) => file.includes('keytar'));
  check(
    keytar.length === 1 && keytar[0].includes(`${process.platform}-${process.arch}`),
    `keytar's one binary for ${process.platform}-${process.arch} lies beside the archive (${keytar.join(', ') || 'none'})`,
  );
  check(
    binaries.some((file) => file.includes('argon2')),
    "argon2's binary lies beside the archive",
  );
}

/** Runs what was packaged, out of its archive, in the stand-in; the window has to show its services. */
async function run(app, home) {
  const { _electron } = await import('@playwright/test');
  process.env.ELECTRON_OVERRIDE_DIST_PATH = path.join(root, 'test', 'standin', 'dist');
  const env = {
    PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH ?? ''}`,
    HOME: home,
    PORTHOLE_HOME: path.join(home, 'porthole'),
  };
  const running = await _electron.launch({ args: [app], cwd: home, env });
  try {
    const page = await running.firstWindow();
    const heading = page.getByRole('heading', { level: 1 });
    await heading.waitFor({ timeout: 30_000 });
    check((await heading.innerText()) !== '', `the packaged app runs in the stand-in: "${await heading.innerText()}"`);
  } finally {
    await running.close();
  }
}

async function main() {
  const built = spawnSync(
    process.execPath,
    [path.join(root, 'node_modules/electron-vite/bin/electron-vite.js'), 'build', '--logLevel', 'warn'],
    { cwd: root, stdio: 'inherit' },
  );
  if (built.status !== 0) process.exit(1);
  const work = mkdtempSync(path.join(tmpdir(), 'porthole-package-'));
  try {
    const dist = path.join(work, 'electron');
    fakeDist(dist);
    const unpacked = await pack(dist, path.join(work, 'dist'));
    const resources = path.join(unpacked, 'resources');
    const executable = readdirSync(unpacked).find((file) => /^porthole$/i.test(file));
    check(executable !== undefined, 'the executable has the name of the app');
    if (executable !== undefined) await checkFuses(path.join(unpacked, executable));
    const { extractAll } = await import(pathToFileURL(path.join(root, 'node_modules/@electron/asar/lib/asar.js')).href);
    const app = path.join(work, 'app');
    extractAll(path.join(resources, 'app.asar'), app);
    checkContent(app);
    checkBinaries(resources);
    cpSync(path.join(resources, 'app.asar.unpacked'), app, { recursive: true });
    const home = path.join(work, 'home');
    mkdirSync(home);
    await run(app, home);
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  }
  process.stdout.write(`\n${faults.length === 0 ? 'The package is as it should be.' : `${faults.length} faults.`}\n`);
  process.exit(faults.length === 0 ? 0 : 1);
}

if (onOwnNode(import.meta.filename)) await main();
