/** Porthole under test, as its users run it: an edge process and an agent process, services between them. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Server } from './peers.ts';
import { jsonLine, PROBE, type Running, run } from './process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const EDGE = path.join(root, 'out/main/edge.js');
const CLI = path.join(root, 'out/main/cli.js');

interface Ready {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly healthPort: number;
  readonly fingerprint: string;
  readonly joinToken?: string;
}

export interface Porthole extends AsyncDisposable {
  readonly edge: Running;
  /** Where its probes and metrics are. */
  readonly healthPort: number;
  /** The first agent. */
  readonly agent: Running;
  /** Publishes an HTTP origin and waits until it answers. `agent`: by which of the agents. */
  http(origin: number, name?: string, agent?: number): Promise<Server>;
  /** Publishes a TCP origin and waits until it can be reached. */
  tcp(origin: number, name: string): Promise<Server>;
}

export interface PortholeOptions {
  readonly far?: Far;
  /** A stand-alone edge of so many workers, over TLS only; one process under an app unless told. */
  readonly workers?: number;
  /** More arguments for the edge. */
  readonly edge?: readonly string[];
  /** How many agents; 1 unless told. */
  readonly agents?: number;
  /** Let the edge tell what it holds. */
  readonly probe?: boolean;
}

/** An agent that is somewhere else: in a network namespace from which the edge is reached at `edge`. */
export interface Far {
  readonly edge: string;
  readonly namespace: string;
}

/** Starts edge and agents, linked by TLS tunnels, the access log on. With `far` there is no plain HTTP. */
export async function startPorthole(dir: string, options: PortholeOptions = {}): Promise<Porthole> {
  const { far, probe = false, workers } = options;
  const data = path.join(dir, 'edge');
  const host = far?.edge ?? '127.0.0.1';
  const any = `${host}:0`;
  const where = ['--listen', any, '--health', '127.0.0.1:0', '--data-dir', data];
  const embedded = far === undefined && workers === undefined;
  const domain = embedded ? 'localhost' : 'bench.test';
  const kind = embedded ? ['--listen-http', any, '--embedded'] : ['--workers', String(workers ?? 1)];
  const which = ['--domain', domain, ...kind];
  const edgeArgs = [...(probe ? PROBE : []), EDGE, ...which, ...where, ...(options.edge ?? []), '--json'];
  const edge = await run(process.execPath, edgeArgs, { env: { PORTHOLE_LOG: 'warn' }, stdin: 'pipe', ipc: probe });
  const ready = await jsonLine(edge.child, (line) => (line.event === 'ready' ? (line as unknown as Ready) : undefined));
  const url = `https://${host}:${ready.httpsPort}`;
  const agents: Laptop[] = [];
  for (let i = 0; i < (options.agents ?? 1); i++) {
    const token = i === 0 && ready.joinToken !== undefined ? ready.joinToken : await newToken(data);
    agents.push(
      await startLaptop(path.join(dir, `porthole-${i}`), far, [
        url,
        '--token',
        token,
        '--fingerprint',
        ready.fingerprint,
      ]),
    );
  }
  const [first] = agents;
  if (first === undefined) throw new Error('no agent');
  const { cli, agent } = first;
  return {
    edge,
    healthPort: ready.healthPort,
    agent,
    async http(origin, name = 'bench', which = 0) {
      await agents[which]?.cli('services', 'add', String(origin), '--name', name);
      const server = { port: ready.httpPort, tlsPort: ready.httpsPort, host: `${name}.${domain}` };
      await until(async () => (await (embedded ? ask(server) : askTls(server, host))) === 200);
      return { ...server, name: 'porthole', edge, agent, [Symbol.asyncDispose]: async () => {} };
    },
    async tcp(origin, name) {
      const { listenPort } = await cli('services', 'add', String(origin), '--protocol', 'tcp', '--name', name);
      if (listenPort === undefined) throw new Error('no port was assigned');
      return {
        name: 'porthole',
        host,
        port: listenPort,
        edge,
        agent,
        [Symbol.asyncDispose]: async () => {},
      };
    },
    async [Symbol.asyncDispose]() {
      for (const laptop of agents) await laptop.agent[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
    },
  };
}

/** A joined laptop, its agent running. */
interface Laptop {
  readonly agent: Running;
  readonly cli: (...words: string[]) => Promise<{ readonly listenPort?: number }>;
}

async function startLaptop(home: string, far: Far | undefined, join: readonly string[]): Promise<Laptop> {
  mkdirSync(home, { recursive: true });
  const env = { PORTHOLE_HOME: home, PORTHOLE_LOG: 'warn' };
  const prefix = far === undefined ? [] : ['ip', 'netns', 'exec', far.namespace];
  const [command = process.execPath, ...before] = [...prefix, process.execPath, CLI];
  const cli: Laptop['cli'] = async (...words) => {
    const options = { env: { ...process.env, ...env } };
    const { stdout } = await promisify(execFile)(command, [...before, ...words, '--json'], options);
    return JSON.parse(stdout) as { readonly listenPort?: number };
  };
  await cli('join', ...join);
  const agent = await run(command, [...before, 'up', '--json'], { env });
  await jsonLine(agent.child, (line) => line);
  return { agent, cli };
}

async function newToken(data: string): Promise<string> {
  const args = [EDGE, 'token', 'create', '--data-dir', data, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return (JSON.parse(stdout) as { readonly token: string }).token;
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

/** The same over TLS; whose certificate it is doesn't matter here. */
function askTls(server: { readonly tlsPort: number; readonly host: string }, edge: string): Promise<number> {
  const { tlsPort, host } = server;
  return new Promise((resolve) => {
    const where = { host: edge, port: tlsPort, servername: host, rejectUnauthorized: false };
    const request = https.get({ ...where, path: '/small', headers: { host }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once('error', () => resolve(0));
  });
}
