/** `npm start`, from the outside: what it says, and that nothing of it is left, however it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from './fixtures.ts';
import { descendants, edgeOf, running } from './processes.ts';
import { keepLastWords, surroundings } from './shells.ts';

const root = path.resolve(import.meta.dirname, '../..');
const START = path.join(root, 'build', 'start.mjs');

/** Runs a command as a user without a display would, and collects what it says. */
function run(command: string, args: readonly string[], home: string, env: Record<string, string> = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...surroundings(home), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  keepLastWords(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const exited = once(child, 'exit').then(([code]): number | null => code);
  // What it said is whole only then.
  const closed = once(child, 'close').then(([code]): number | null => code);
  return { child, pid: child.pid ?? 0, said, exited, closed };
}

/** Waits for the link and for the edge somewhere under `pid`; every process of it. */
async function family({ pid, said }: ReturnType<typeof run>): Promise<readonly number[]> {
  await expect.poll(() => said.out, { timeout: 30_000 }).toContain('/login?token=');
  await expect
    .poll(() => [pid, ...descendants(pid)].some((member) => edgeOf(member) !== undefined), { timeout: 30_000 })
    .toBe(true);
  return [pid, ...descendants(pid)];
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`says in one sentence why it opens in the browser, and ends whole on ${signal}`, async ({ home }) => {
    const started = run(process.execPath, [START, '--no-open'], home);
    const members = await family(started);
    expect(started.said.err.match(/^Electron is not available.*$/gm)).toEqual([
      'Electron is not available (there is no display), so Porthole opens in the browser.',
    ]);
    started.child.kill(signal);
    expect(await started.exited).toBe(0);
    expect(running(members)).toEqual([]);
  });

test('leaves nothing behind when it is killed', async ({ home }) => {
  const started = run(process.execPath, [START, '--web', '--no-open'], home);
  const members = await family(started);
  started.child.kill('SIGKILL');
  await expect.poll(() => running(members)).toEqual([]);
});

test('leaves nothing behind when npm is killed over it', async ({ home }) => {
  const started = run('npm', ['start', '--', '--web', '--no-open'], home);
  const members = await family(started);
  started.child.kill('SIGKILL');
  await expect.poll(() => running(members)).toEqual([]);
});

test('starts the desktop app where there is a display, and takes it along', async ({ home }) => {
  const env = { DISPLAY: ':0', ELECTRON_OVERRIDE_DIST_PATH: path.join(root, 'test', 'standin', 'dist') };
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const started = run(process.execPath, [START], home, env);
    const app = () => descendants(started.pid).find((member) => edgeOf(member) !== undefined);
    await expect.poll(app, { timeout: 30_000 }).toBeDefined();
    const members = [started.pid, ...descendants(started.pid)];
    started.child.kill(signal);
    await expect.poll(() => running(members)).toEqual([]);
  }
});

test('says in a sentence why it cannot start, in the browser version and in the app', async ({ home }) => {
  await writeFile(path.join(home, 'porthole'), 'a file where a folder should be');
  const standin = { DISPLAY: ':0', ELECTRON_OVERRIDE_DIST_PATH: path.join(root, 'test', 'standin', 'dist') };
  for (const [args, env] of [
    [['--web', '--no-open'], {}],
    [[], standin],
  ] as const) {
    const started = run(process.execPath, [START, ...args], home, env);
    expect(await started.closed).toBe(1);
    expect(started.said.err).toContain(`The data folder ${home}/porthole cannot be written (it is not a folder).`);
    expect(started.said.err).not.toContain('    at ');
  }
});

test('refuses an option that it does not know', async ({ home }) => {
  const started = run(process.execPath, [START, '--windowed'], home);
  expect(await started.closed).toBe(2);
  expect(started.said.err).toContain("Unknown option '--windowed'");
});
