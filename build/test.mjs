// `npm test`: every check, in the order in which a failure is cheapest to find. All of them run, then the verdict.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { findElectron } from './electron.mjs';
import { onOwnNode } from './own-node.mjs';

const root = path.join(import.meta.dirname, '..');
const bin = (...names) => path.join(root, 'node_modules', ...names);
const PLAYWRIGHT = bin('@playwright', 'test', 'cli.js');
const VITEST = bin('vitest', 'vitest.mjs');

/** Name, and the command after `node` (or a binary of its own). */
const STEPS = [
  ['format and lint', [bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '.']],
  ['types', [bin('typescript', 'bin', 'tsc'), '-b']],
  ['build', [bin('electron-vite', 'bin', 'electron-vite.js'), 'build', '--logLevel', 'warn']],
  ['unit and compliance', [VITEST, 'run', '--project', 'unit']],
  ['integration', [VITEST, 'run', '--project', 'integration']],
  ['end to end', [PLAYWRIGHT, 'test']],
];

async function run([name, args]) {
  process.stdout.write(`\n── ${name}\n`);
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const passed = await new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
  return { name, passed, seconds: (performance.now() - started) / 1000 };
}

async function main() {
  const { CHROMIUM_MISSING, findChromium } = await import('../test/support/chromium.ts');
  const chromium = findChromium();
  if (chromium === undefined) {
    process.stderr.write(`${CHROMIUM_MISSING}\n`);
    process.exit(1);
  }
  const about = spawnSync(chromium, ['--version'], { encoding: 'utf8' }).stdout?.trim() || chromium;
  const desktop = findElectron({}) ?? 'the stand-in (the binary of Electron is not on this machine)';
  process.stdout.write(`Node ${process.versions.node} on ${process.platform} ${process.arch}\n`);
  process.stdout.write(`Browser: ${about}\nDesktop app in: ${desktop}\n`);
  const results = [];
  for (const step of STEPS) results.push(await run(step));
  process.stdout.write('\n');
  for (const { name, passed, seconds } of results)
    process.stdout.write(`${passed ? 'passed' : 'FAILED'}  ${name} (${seconds.toFixed(1)} s)\n`);
  const failed = results.filter((result) => !result.passed);
  process.stdout.write(`\nsteps: ${results.length - failed.length} passed, ${failed.length} failed\n`);
  process.exit(failed.length === 0 ? 0 : 1);
}

if (onOwnNode(import.meta.filename)) await main();
