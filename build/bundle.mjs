import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const SOURCES = ['main', 'edge', 'shared', 'renderer', 'electron.vite.config.ts', 'package-lock.json'];
const RESULTS = [
  'main/desktop.js',
  'main/web.js',
  'main/cli.js',
  'main/edge.js',
  'preload/preload.cjs',
  'renderer/index.html',
].map((file) => path.join(root, 'out', file));

function changedAt(file) {
  const stat = statSync(file);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(file).map((name) => changedAt(path.join(file, name))));
}

/** Whether out/ holds everything, newer than every source if those are there. A folder's own time tells of removed files. */
export function isBuilt() {
  if (!RESULTS.every((file) => existsSync(file))) return false;
  if (!SOURCES.every((source) => existsSync(path.join(root, source)))) return true;
  const built = Math.min(...RESULTS.map((file) => statSync(file).mtimeMs));
  return SOURCES.every((source) => changedAt(path.join(root, source)) < built);
}

const TOOL = path.join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');

/** Whether what bundles is installed: it is a development dependency. */
export const canBuild = () => existsSync(TOOL);

/** Bundles the sources into out/. Resolves with whether that went well; what went wrong is on stderr. */
export async function build() {
  const args = [TOOL, 'build', '--logLevel', 'warn'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
