import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { createEmbeddedEdge, type EdgePorts, type EmbeddedEdge } from '../../../main/app/embedded-edge.ts';
import type { EdgeExit, EdgeProcess } from '../../../main/app/host.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { ManualClock } from '../../support/manual-clock.ts';

class Child implements EdgeProcess {
  readonly pid = 4711;
  readonly stdin = undefined;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly signals: string[] = [];
  readonly args: readonly string[];
  readonly #gone = Promise.withResolvers<EdgeExit>();
  readonly exited = this.#gone.promise;

  constructor(args: readonly string[]) {
    this.args = args;
  }
  /** The port that it was told to listen on. */
  port(flag: string): number {
    return Number(this.args[this.args.indexOf(flag) + 1]?.split(':').at(-1));
  }
  ready(more: object = {}): void {
    const ports = { httpsPort: this.port('--listen'), httpPort: this.port('--listen-http') };
    this.say({ event: 'ready', domain: 'localhost', fingerprint: 'f', joinToken: 'phj_x', ...ports, ...more });
  }
  say(line: object): void {
    this.stdout.write(`${JSON.stringify(line)}\n`);
  }
  exit(code: number): void {
    this.#gone.resolve({ code, reason: `exit code ${code}` });
  }
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
  }
}

const open: { edge: EmbeddedEdge; children: Child[] }[] = [];
afterEach(async () => {
  for (const { edge, children } of open.splice(0)) {
    const closed = edge.close();
    for (const child of children) child.exit(0);
    await closed;
  }
});

function supervise(remembered?: EdgePorts) {
  const children: Child[] = [];
  const clock = new ManualClock();
  const remember = vi.fn();
  const edge = createEmbeddedEdge({
    host: {
      spawnEdge(args) {
        const child = new Child(args);
        children.push(child);
        return child;
      },
    },
    dataDir: '/data',
    remembered,
    remember,
    onChange: () => {},
    clock,
    logger: silentLogger,
  });
  open.push({ edge, children });
  const child = (n: number) =>
    vi.waitFor(() => {
      // Waiting for the next start is time; the clock stands still otherwise.
      if (edge.process === 'stopped') clock.advance(1_000);
      const found = children[n];
      if (found === undefined) throw new Error(`no child ${n}`);
      return found;
    }, 15_000);
  return { edge, child, clock, remember, children };
}

it('starts the edge on loopback and remembers its ports', async () => {
  const { edge, child, remember } = supervise();
  const first = await child(0);
  expect(first.args.join(' ')).toMatch(
    /^--domain localhost --listen 127\.0\.0\.1:\d+ .*--listen-http 127\.0\.0\.1:\d+ .*--data-dir \/data --embedded --json$/,
  );
  expect(edge.process).toBe('starting');
  first.ready();
  await expect.poll(() => edge.process).toBe('running');
  const ports = { httpsPort: first.port('--listen'), httpPort: first.port('--listen-http') };
  expect(remember).toHaveBeenCalledExactlyOnceWith(ports);
  expect(edge.ready).toMatchObject({ ...ports, domain: 'localhost' });
});

it('hands its join token out once', async () => {
  const { edge, child } = supervise();
  (await child(0)).ready();
  await expect.poll(() => edge.process).toBe('running');
  expect(edge.takeToken()).toBe('phj_x');
  expect(edge.takeToken()).toBeUndefined();
});

it('keeps no token that has grown old', async () => {
  const { edge, child, clock } = supervise();
  (await child(0)).ready();
  await expect.poll(() => edge.process).toBe('running');
  clock.advance(5 * 60_000);
  expect(edge.takeToken()).toBeUndefined();
});

it('starts a crashed edge again, on the same ports', async () => {
  const { edge, child, clock } = supervise();
  const first = await child(0);
  first.ready();
  await expect.poll(() => edge.process).toBe('running');
  first.exit(139);
  await expect.poll(() => edge.process).toBe('stopped');
  expect(edge.failure).toMatchObject({ code: 'edge_failed', message: expect.stringContaining('exit code 139') });
  expect(edge.nextTryAt).toBeGreaterThanOrEqual(clock.now());
  expect(edge.ready).toBeUndefined();
  const second = await child(1);
  expect(second.port('--listen')).toBe(first.port('--listen'));
  expect(edge.process).toBe('starting');
});

it('tells the failure that the edge reported', async () => {
  const { edge, child } = supervise();
  const first = await child(0);
  first.say({ event: 'failed', error: failure('data_in_use', { path: '/data' }) });
  await expect.poll(() => first.signals).toEqual(['SIGTERM']);
  first.exit(1);
  await expect.poll(() => edge.failure?.code).toBe('data_in_use');
});

it('leaves the remembered ports only after several tries, and says so', async () => {
  const { edge, child, remember } = supervise({ httpsPort: 20_443, httpPort: 20_080 });
  for (let n = 0; n < 4; n++) {
    const refused = await child(n);
    expect(refused.port('--listen')).toBe(20_443);
    expect(edge.notice).toBeUndefined();
    refused.say({ event: 'failed', error: failure('address_in_use', { address: '127.0.0.1:20443' }) });
    await expect.poll(() => refused.signals).toHaveLength(1);
    refused.exit(1);
  }
  const moved = await child(4);
  expect(moved.port('--listen')).not.toBe(20_443);
  expect(edge.notice).toContain('20443');
  moved.ready();
  await expect.poll(() => edge.process).toBe('running');
  expect(remember).not.toHaveBeenCalled();
});

it('reads the certificate authority, and does not run without one that it was promised', async () => {
  using folder = temporaryFolder();
  const caFile = path.join(folder.path, 'ca.pem');
  const { edge, child } = supervise();
  const first = await child(0);
  first.ready({ caFile });
  await expect.poll(() => first.signals).toEqual(['SIGTERM']);
  first.exit(0);
  writeFileSync(caFile, 'PEM');
  (await child(1)).ready({ caFile });
  await expect.poll(() => edge.ready?.caPem).toBe('PEM');
});

it('ends the edge, by force when it has to, and starts no other', async () => {
  const { edge, child, clock, children } = supervise();
  const first = await child(0);
  first.ready();
  await expect.poll(() => edge.process).toBe('running');
  const closed = edge.close();
  expect(first.signals).toEqual(['SIGTERM']);
  clock.advance(5_000);
  expect(first.signals).toEqual(['SIGTERM', 'SIGKILL']);
  first.exit(137);
  await closed;
  expect(children).toHaveLength(1);
  expect(clock.timers).toBe(0);
});

it('survives what the edge should never say', async () => {
  const { edge, child } = supervise();
  const first = await child(0);
  first.stdout.write('Segmentation fault\n{"event":"ready"}\n{"event":');
  first.stdout.write(`1}\n${JSON.stringify({ event: 'other' })}\n`);
  first.ready();
  await expect.poll(() => edge.process).toBe('running');
  expect(first.signals).toEqual([]);
});
