import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '..', 'node_modules', 'electron');
const DOWNLOADS = 'https://github.com/electron/electron/releases/';
/** Milliseconds for the download server to answer at all, and for the whole download (about 120 MB). */
const ANSWER_LIMIT = 4_000;
const DOWNLOAD_LIMIT = 180_000;

/**
 * Electron's executable, or what stands in for it (`ELECTRON_OVERRIDE_DIST_PATH`); `undefined` when it is not here.
 * Asking the `electron` package itself would start a download.
 */
export function findElectron(env = process.env) {
  if (env.ELECTRON_OVERRIDE_DIST_PATH) return path.join(env.ELECTRON_OVERRIDE_DIST_PATH, 'electron');
  const named = path.join(folder, 'path.txt');
  if (!existsSync(named)) return undefined;
  const executable = path.join(folder, 'dist', readFileSync(named, 'utf8'));
  return existsSync(executable) ? executable : undefined;
}

async function answers(url) {
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(ANSWER_LIMIT) });
    return true;
  } catch {
    return false;
  }
}

/** Lets the `electron` package fetch its binary, in silence. Afterwards `findElectron` tells whether it is there. */
export async function fetchElectron(env = process.env) {
  const installer = path.join(folder, 'install.js');
  if (!existsSync(installer) || !(await answers(env.ELECTRON_MIRROR || DOWNLOADS))) return;
  process.stderr.write('Fetching Electron (once, about 120 MB)…\n');
  const child = spawn(process.execPath, [installer], { stdio: 'ignore', timeout: DOWNLOAD_LIMIT, env });
  await new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', resolve);
  });
}
