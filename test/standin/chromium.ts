import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../support/chromium.ts';
import { CdpConnection } from './cdp.ts';

export interface Chromium {
  readonly cdp: CdpConnection;
  /** Where others may connect to it, too. */
  readonly url: string;
  /** Closes it and removes its profile. */
  close(): Promise<void>;
}

/** Milliseconds in which a Chromium takes a connection; half a second is what it needs. */
const START_LIMIT = 10_000;

/** Its address, once it listens there; rejects with its last words when it leaves first, or takes too long. */
function devToolsUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const limit = setTimeout(() => reject(new Error(`stand-in: Chromium did not come up: ${text}`)), START_LIMIT);
    child.stderr?.on('data', (chunk) => {
      text = `${text}${chunk}`.slice(-4000);
      const url = /^DevTools listening on (ws:\S+)\n/m.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(limit);
      resolve(url);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`stand-in: Chromium left with ${code}: ${text}`)));
  });
}

/**
 * Starts a headless Chromium without windows; `lost` is called when it ends unasked, after how is said. One in about a
 * thousand starts on a busy machine came to nothing, and Chromium's start is nobody's subject here: it is said, and
 * tried once more.
 */
export async function startChromium(switches: readonly string[], lost: () => void): Promise<Chromium> {
  const executable = findChromium();
  if (executable === undefined) throw new Error(CHROMIUM_MISSING);
  try {
    return await launch(executable, switches, lost);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return await launch(executable, switches, lost);
  }
}

async function launch(executable: string, switches: readonly string[], lost: () => void): Promise<Chromium> {
  const profile = mkdtempSync(path.join(tmpdir(), 'porthole-standin-'));
  // The pipe is there for its end: Chromium leaves when the other side of it is gone, in whatever way.
  const own = [
    '--headless',
    '--remote-debugging-port=0',
    '--remote-debugging-pipe',
    '--no-startup-window',
    `--user-data-dir=${profile}`,
  ];
  const child = spawn(executable, [...CHROMIUM_ARGS, ...switches, ...own], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const up = async () => {
    const url = await devToolsUrl(child);
    return { url, cdp: await CdpConnection.open(url) };
  };
  const { url, cdp } = await up().catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const onExit = (code: number | null, signal: string | null): void => {
    process.stderr.write(`stand-in: Chromium left by itself with ${signal ?? code}\n`);
    lost();
  };
  child.on('exit', onExit);
  return {
    cdp,
    url,
    async close() {
      child.off('exit', onExit);
      cdp.close();
      const kill = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exited;
      clearTimeout(kill);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
