/**
 * `slowhttptest` against an edge with short times: it opens hundreds of slow connections and asks, beside them, whether
 * the service still answers.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  EMBEDDED,
  joinEdge,
  linkLaptop,
  probe,
  publish,
  type RunningEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

const TOOL = 'slowhttptest';
const stack = new AsyncDisposableStack();
let edge: RunningEdge;

function isInstalled(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

beforeAll(async () => {
  if (!isInstalled(TOOL)) throw new Error(`This test needs ${TOOL}: apt-get install slowhttptest.`);
  const folder = stack.use(temporaryFolder());
  const times = ['header-time=1s', 'body-idle-time=1s', 'read-idle-time=1s', 'idle-time=2s'].flatMap((t) => [
    '--limit',
    t,
  ]);
  edge = stack.use(await startEdge(folder.path, [...EMBEDDED, ...times]));
  const body = Buffer.alloc(1 << 20, 'x');
  const app = stack.use(
    await startApp((request, response) => {
      // Whoever answers before the body is there has nothing to wait for, and what comes slowly hurts nobody.
      request.on('end', () => response.end(request.headers.range === undefined ? body : 'part')).resume();
    }),
  );
  const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  await linkLaptop(edge, joined);
  await publish(edge, joined, 'slow', [{ port: app.port }]);
});
afterAll(() => stack.disposeAsync());

/** What the tool says at its end, colours left out. */
async function attack(...how: string[]): Promise<string> {
  // Not every system finds names under localhost; through a proxy the tool does not look for them.
  const edgeAddress = `127.0.0.1:${edge.ready.httpPort}`;
  const url = `http://slow.localhost:${edge.ready.httpPort}/`;
  // A probe has 6 s, for machines that stand still for some; one that fails shows before the 10 s are over.
  const child = spawn(TOOL, ['-u', url, '-d', edgeAddress, '-c', '300', '-r', '300', '-l', '10', '-p', '6', ...how], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return out.replace(/\x1b\[[\d;]*m/g, '');
}

async function refused(bound: string): Promise<number> {
  const { body } = await probe(edge, '/metrics');
  return Number(new RegExp(`^porthole_refused_total\\{bound="${bound}"\\} (\\d+)$`, 'm').exec(body)?.[1] ?? 0);
}

describe(TOOL, () => {
  const isAvailable = (said: string): void => {
    expect(said).toMatch(/service available:\s+YES/);
    expect(said).not.toMatch(/service available:\s+NO/);
  };

  it.each([
    ['heads', ['-H', '-i', '1', '-x', '24'], 'header-time'],
    ['bodies', ['-B', '-i', '2', '-s', '8192', '-x', '10'], 'body-idle-time'],
  ])('with slow %s never makes the service unavailable, and they are cut', async (_, how, bound) => {
    const before = await refused(bound);
    isAvailable(await attack(...how));
    await expect.poll(async () => (await refused(bound)) - before, { timeout: 10_000 }).toBeGreaterThan(50);
  });

  it.each([
    ['slow readers', ['-X', '-n', '2', '-w', '512', '-y', '1024', '-z', '32', '-k', '3']],
    ['very many ranges', ['-R', '-a', '1', '-b', '3000']],
  ])('with %s never makes the service unavailable', async (_, how) => {
    isAvailable(await attack(...how));
  });
});
