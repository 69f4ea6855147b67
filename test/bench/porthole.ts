/** Porthole under test, as its users run it: an edge process and an agent process, services between them. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Server } from './peers.ts';
import { jsonLine, type Running, run } from './process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const EDGE = path.join(root, 'out/main/edge.js');
const CLI = path.join(root, 'out/main/cli.js');

interface Ready {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly fingerprint: string;
  readonly joinToken: string;
}

export interface Porthole extends AsyncDisposable {
  readonly edge: Running;
  readonly agent: Running;
  /** Publishes an HTTP origin and waits until it answers. */
  http(origin: number): Promise<Server>;
  /** Publishes a TCP origin and waits until it can be reached. */
  tcp(origin: number, name: string): Promise<Server>;
}

/** Starts edge and agent, linked by a TLS tunnel, the access log on. */
export async function startPorthole(dir: string): Promise<Porthole> {
  const home = path.join(dir, 'porthole');
  mkdirSync(home, { recursive: true });
  const env = { PORTHOLE_HOME: home, PORTHOLE_LOG: 'warn' };
  const any = '127.0.0.1:0';
  const data = path.join(dir, 'edge');
  const args = ['--domain', 'localhost', '--listen', any, '--listen-http', any, '--health', any, '--data-dir', data];
  const edge = await run(process.execPath, [EDGE, ...args, '--embedded', '--json'], { env, stdin: 'pipe' });
  const ready = await jsonLine(edge.child, (line) => (line.event === 'ready' ? (line as unknown as Ready) : undefined));
  const cli = async (...words: string[]): Promise<{ readonly listenPort?: number }> => {
    const options = { env: { ...process.env, ...env } };
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...words, '--json'], options);
    return JSON.parse(stdout) as { readonly listenPort?: number };
  };
  const url = `https://127.0.0.1:${ready.httpsPort}`;
  await cli('join', url, '--token', ready.joinToken, '--fingerprint', ready.fingerprint);
  const agent = await run(process.execPath, [CLI, 'up', '--json'], { env });
  await jsonLine(agent.child, (line) => line);
  return {
    edge,
    agent,
    async http(origin) {
      await cli('services', 'add', String(origin), '--name', 'bench');
      const server = { port: ready.httpPort, tlsPort: ready.httpsPort, host: 'bench.localhost' };
      await until(async () => (await ask(server)) === 200);
      return { ...server, name: 'porthole', edge, agent, [Symbol.asyncDispose]: async () => {} };
    },
    async tcp(origin, name) {
      const { listenPort } = await cli('services', 'add', String(origin), '--protocol', 'tcp', '--name', name);
      if (listenPort === undefined) throw new Error('no port was assigned');
      return {
        name: 'porthole',
        host: '127.0.0.1',
        port: listenPort,
        edge,
        agent,
        [Symbol.asyncDispose]: async () => {},
      };
    },
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
    },
  };
}

async function until(ready: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if (await ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the service did not come up');
}

/** The status that `/small` is answered with; 0 when nothing answers. */
function ask({ port, host }: { readonly port: number; readonly host: string }): Promise<number> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/small', headers: { host }, agent: false };
    const request = http.get(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once('error', () => resolve(0));
  });
}
