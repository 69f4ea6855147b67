// `npm test`: every check, in the order in which a failure is cheapest to find. All of them run, then the verdict.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findElectron } from './electron.mjs';
import { onOwnNode } from './own-node.mjs';

const root = path.join(import.meta.dirname, '..');
const bin = (...names) => path.join(root, 'node_modules', ...names);
const PLAYWRIGHT = bin('@playwright', 'test', 'cli.js');
const VITEST = bin('vitest', 'vitest.mjs');

const reports = mkdtempSync(path.join(tmpdir(), 'porthole-test-'));
const reportOf = (project) => path.join(reports, `${project}.json`);
const vitest = (project) => [
  VITEST,
  'run',
  '--project',
  project,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportOf(project)}`,
];

/** Name, the command after `node` (or a binary of its own), and where its failures are written down. */
const STEPS = [
  ['format and lint', [bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '.']],
  ['types', [bin('typescript', 'bin', 'tsc'), '-b']],
  ['build', [bin('electron-vite', 'bin', 'electron-vite.js'), 'build', '--logLevel', 'warn']],
  ['unit and compliance', vitest('unit'), reportOf('unit')],
  ['integration', vitest('integration'), reportOf('integration')],
  ['end to end', [PLAYWRIGHT, 'test']],
];

/** What failed, with the first lines of why: at the end, where the reader of a long log looks first. */
function failuresIn(report) {
  const lines = [];
  try {
    for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) {
      if (file.status === 'failed' && file.message) lines.push(`${file.name}: ${head(file.message)}`);
      for (const test of file.assertionResults.filter(({ status }) => status === 'failed'))
        lines.push(`${file.name} › ${test.fullName}: ${head(test.failureMessages.join('\n'))}`);
    }
  } catch (error) {
    lines.push(`no report was written: ${error.message}`);
  }
  if (lines.length === 0) lines.push('an error outside of any test: see its output above');
  return lines.map((line) => line.replace(`${root}${path.sep}`, ''));
}
const head = (text) => text.split('\n').slice(0, 4).join('\n    ');

async function run([name, args, report]) {
  process.stdout.write(`\n── ${name}\n`);
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const passed = await new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
  return { name, passed, report, seconds: (performance.now() - started) / 1000 };
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
  for (const { name, report } of failed)
    if (report !== undefined) process.stdout.write(`\n${name}:\n  ${failuresIn(report).join('\n  ')}\n`);
  rmSync(reports, { recursive: true, force: true });
  process.stdout.write(`\nsteps: ${results.length - failed.length} passed, ${failed.length} failed\n`);
  process.exit(failed.length === 0 ? 0 : 1);
}

if (onOwnNode(import.meta.filename)) await main();
