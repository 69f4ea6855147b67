/** A real edge as a child process on loopback, with a data folder of its own; it can be killed and started again. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const ENTRY = path.resolve(import.meta.dirname, '../../edge/main.ts');

export interface Ready {
  readonly domain: string;
  readonly httpsPort: number;
  readonly fingerprint: string;
  readonly caFile: string;
}

export class EdgeProcess implements AsyncDisposable {
  readonly dataDir = mkdtempSync(path.join(os.tmpdir(), 'porthole-edge-'));
  readonly domain: string;
  readonly #more: readonly string[];
  #child: ChildProcess | undefined;
  #ready: Ready | undefined;

  /** `more` are further arguments of its command line. */
  constructor(domain = 'edge.test', more: readonly string[] = []) {
    this.domain = domain;
    this.#more = more;
  }

  get ready(): Ready {
    if (this.#ready === undefined) throw new Error('the edge has not been started');
    return this.#ready;
  }

  /** Starts it, on the port of before if there was one; resolves when it serves. */
  async start(): Promise<Ready> {
    const listen = `127.0.0.1:${this.#ready?.httpsPort ?? 0}`;
    const args = ['--domain', this.domain, '--listen', listen, '--health', '127.0.0.1:0', '--data-dir', this.dataDir];
    args.push('--workers', '1');
    const child = spawn(process.execPath, [ENTRY, ...args, ...this.#more, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PORTHOLE_LOG: 'warn' },
    });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const event = JSON.parse(line) as { readonly event: string } & Ready;
      if (event.event !== 'ready') throw new Error(`the edge says ${line}`);
      this.#ready = event;
      break;
    }
    // What it writes later must not fill the pipe.
    child.stdout.resume();
    return this.ready;
  }

  /** A fresh join token, made as an operator makes one. */
  async token(): Promise<string> {
    const args = [ENTRY, 'token', 'create', '--data-dir', this.dataDir, '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return (JSON.parse(stdout) as { readonly token: string }).token;
  }

  /** Ends it as `kill -9` does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}
