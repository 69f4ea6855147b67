/** Apache as the HTTP proxy of a company: CONNECT for those who have a password. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listening, type Running, run } from '../bench/process.ts';
import { program } from '../differential/peers.ts';
import { freePort } from './free-port.ts';

const AUTH = ['authn_core', 'authn_file', 'auth_basic', 'authz_core', 'authz_user'];
const MODULES = ['mpm_event', ...AUTH, 'proxy', 'proxy_connect'];

export interface ApacheProxyOptions {
  readonly user: string;
  readonly password: string;
  /** Port of another proxy of this machine that everything is passed on to: one that knows the tests' names. */
  readonly onward?: number;
}

export class ApacheProxy implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'porthole-apache-'));
  readonly #options: ApacheProxyOptions;
  #port = 0;
  #running: Running | undefined;

  constructor(options: ApacheProxyOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  /** One line for each request that is over: its first line, its user and its status. */
  get log(): readonly string[] {
    return readFileSync(path.join(this.#folder, 'log'), 'utf8').split('\n').slice(0, -1);
  }

  /** Starts it, on the port of before if there was one; resolves when it listens. */
  async start(): Promise<this> {
    const binary = program('apache2', 'apache2');
    if (this.#port === 0) this.#port = await freePort();
    const config = path.join(this.#folder, 'apache.conf');
    writeFileSync(config, this.#configuration());
    // In one process: one that has to be killed leaves none behind.
    this.#running = await run(binary, ['-X', '-f', config, '-DFOREGROUND'], { quiet: true });
    await listening(this.#port);
    return this;
  }

  /** Kills it, and with it every connection through it: when asked to end it waits for those. */
  async stop(): Promise<void> {
    const child = this.#running?.child;
    this.#running = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configuration(): string {
    const { user, password, onward } = this.#options;
    // Its workers are another user.
    chmodSync(this.#folder, 0o755);
    const users = path.join(this.#folder, 'users');
    writeFileSync(users, `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`);
    return `${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${this.#folder}
DefaultRuntimeDir ${this.#folder}
PidFile ${this.#folder}/pid
ServerName localhost
Listen 127.0.0.1:${this.#port}
ErrorLog /dev/null
LogFormat "%r %u %>s" short
CustomLog ${this.#folder}/log short
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
ServerLimit 1
ThreadsPerChild 32
MaxRequestWorkers 32
ProxyRequests On
AllowCONNECT 1-65535
${onward === undefined ? '' : `ProxyRemote * http://127.0.0.1:${onward}`}
<Proxy *>
  AuthType Basic
  AuthName proxy
  AuthUserFile ${users}
  Require valid-user
</Proxy>
`;
  }
}
