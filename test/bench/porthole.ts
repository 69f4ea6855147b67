/** Porthole under test, as its users run it: an edge process and an agent process, a service between them. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Server } from './peers.ts';
import { jsonLine, run } from './process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const EDGE = path.join(root, 'out/main/edge.js');
const CLI = path.join(root, 'out/main/cli.js');

interface Ready {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly fingerprint: string;
  readonly joinToken: string;
}

/** Starts edge and agent, publishes `origin`, and waits until it answers. The tunnel is TLS, the access log on. */
export async function startPorthole(dir: string, origin: number): Promise<Server> {
  const home = path.join(dir, 'porthole');
  mkdirSync(home, { recursive: true });
  const env = { PORTHOLE_HOME: home, PORTHOLE_LOG: 'warn' };
  const any = '127.0.0.1:0';
  const edge = await run(
    process.execPath,
    [
      EDGE,
      '--domain',
      'localhost',
      '--listen',
      any,
      '--listen-http',
      any,
      '--health',
      any,
      '--data-dir',
      path.join(dir, 'edge'),
      '--embedded',
      '--json',
    ],
    { env, stdin: 'pipe' },
  );
  const ready = await jsonLine(edge.child, (line) =>
    line['event'] === 'ready' ? (line as unknown as Ready) : undefined,
  );
  const cli = (...args: string[]) =>
    promisify(execFile)(process.execPath, [CLI, ...args, '--json'], { env: { ...process.env, ...env } });
  await cli(
    'join',
    `https://127.0.0.1:${ready.httpsPort}`,
    '--token',
    ready.joinToken,
    '--fingerprint',
    ready.fingerprint,
  );
  const agent = await run(process.execPath, [CLI, 'up', '--json'], { env });
  await jsonLine(agent.child, (line) => line);
  await cli('services', 'add', String(origin), '--name', 'bench');
  const server = { port: ready.httpPort, host: 'bench.localhost' };
  await answering(server);
  return {
    ...server,
    name: 'porthole',
    edge,
    agent,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
    },
  };
}

async function answering(server: { readonly port: number; readonly host: string }): Promise<void> {
  const deadline = Date.now() + 10_000;
  let status = 0;
  while (Date.now() < deadline) {
    status = await ask(server);
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the service did not come up (last status ${status})`);
}

/** The status that `/small` is answered with; 0 when nothing answers. */
function ask({ port, host }: { readonly port: number; readonly host: string }): Promise<number> {
  return new Promise((resolve) => {
    const request = http.get(
      { host: '127.0.0.1', port, path: '/small', headers: { host }, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.once('error', () => resolve(0));
  });
}
