import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent as HttpsAgent, type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import type { Certificates } from '../../../edge/certificates/certificates.ts';
import { createLocalCertificates } from '../../../edge/certificates/local-certificates.ts';
import type { ControlLimits } from '../../../edge/control/context.ts';
import { type ControlApi, createControlApi } from '../../../edge/control/control-api.ts';
import { Facts } from '../../../edge/control/facts.ts';
import type { AccessLog, TailBatch } from '../../../edge/record/access-log.ts';
import { createStore } from '../../../edge/store/create-store.ts';
import { hashToken } from '../../../edge/store/credential.ts';
import type { Store } from '../../../edge/store/store.ts';
import { FailureThrottle } from '../../../edge/tunnels/throttle.ts';
import { API_PREFIX, type ClusterInfo } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { ok } from '../../../shared/domain/result.ts';
import { createToken } from '../../../shared/domain/token.ts';
import type { CancelTimer, Clock } from '../../../shared/node/clock.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';

/** The wall clock can be set; timers run as they are, but an interval can be made to fall due. */
export class SettableClock implements Clock {
  offset = 0;
  #passed = 0;
  readonly #intervals = new Map<() => void, number>();
  /** Milliseconds that each timeout so far was set for. */
  readonly delays: number[] = [];
  now = (): number => Date.now() + this.offset;
  monotonic = (): number => systemClock.monotonic() + this.#passed;
  setTimeout = (callback: () => void, delay: number): CancelTimer => {
    this.delays.push(delay);
    return systemClock.setTimeout(callback, delay);
  };
  setInterval(callback: () => void, delay: number): CancelTimer {
    const cancel = systemClock.setInterval(callback, delay);
    this.#intervals.set(callback, delay);
    return () => {
      this.#intervals.delete(callback);
      cancel();
    };
  }
  /** Lets `delay` pass at once by both clocks, for the intervals of that length. */
  fallDue(delay: number): void {
    this.#passed += delay;
    this.offset += delay;
    for (const [callback, every] of this.#intervals) if (every === delay) callback();
  }
}

/** An access log whose tails are fed by hand. */
export class FakeAccessLog implements AccessLog {
  readonly queries: unknown[] = [];
  readonly tails = new Set<{ wants: (r: AccessRecord) => boolean; listener: (b: TailBatch) => void }>();
  async query(...args: Parameters<AccessLog['query']>): ReturnType<AccessLog['query']> {
    this.queries.push(args);
    return ok({ records: [] });
  }
  async stats(...args: Parameters<AccessLog['stats']>): ReturnType<AccessLog['stats']> {
    this.queries.push(args);
    return ok({ bucket: 1000, until: 0, points: [] });
  }
  tail(wants: (r: AccessRecord) => boolean, listener: (b: TailBatch) => void): () => void {
    const entry = { wants, listener };
    this.tails.add(entry);
    return () => void this.tails.delete(entry);
  }
  feed(...records: AccessRecord[]): void {
    for (const { wants, listener } of this.tails) {
      const wanted = records.filter(wants);
      if (wanted.length > 0) listener({ records: wanted, dropped: 0 });
    }
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;

  /** The body when it is a JSON object, else empty. */
  readonly json: Record<string, unknown>;
}

/** A control API behind real TLS on loopback, with a client. */
export class Bench {
  readonly store: Store;
  readonly facts: Facts;
  readonly accessLog = new FakeAccessLog();
  readonly clock = new SettableClock();
  readonly certificates: Certificates;
  readonly left: string[] = [];
  port = 0;
  cluster: ClusterInfo;
  api!: ControlApi;
  readonly #dir = mkdtempSync(join(tmpdir(), 'porthole-control-'));
  readonly #sockets = new Set<TLSSocket>();
  #server: ReturnType<typeof createServer> | undefined;

  private constructor() {
    this.store = must(createStore({ dataDir: ':memory:', serve: true, now: this.clock.now }));
    this.certificates = must(createLocalCertificates({ dataDir: this.#dir, domain: 'localhost' }));
    this.facts = new Facts({ certificate: (domain) => this.certificates.state(domain), now: this.clock.now });
    this.cluster = {
      domain: 'localhost',
      version: '1.2.3',
      nodeId: 'node-1',
      embedded: true,
      httpsPort: 8443,
      httpPort: 8080,
      fingerprint: this.certificates.fingerprint,
      caPem: this.certificates.caPem ?? '',
    };
  }

  static async start(limits: Partial<ControlLimits> = {}): Promise<Bench> {
    const bench = new Bench();
    bench.api = await createControlApi({
      store: bench.store,
      facts: bench.facts,
      accessLog: bench.accessLog,
      cluster: () => bench.cluster,
      renderNotFound: () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>No such page</h1>' }),
      onAgentLeft: (id) => bench.left.push(id),
      throttle: new FailureThrottle(() => bench.clock.now()),
      sourceOf: (address) => address,
      log: silentLogger,
      random: randomBytes,
      clock: bench.clock,
      limits,
    });
    const server = createServer(
      { SNICallback: (_, done) => done(null, bench.certificates.defaultContext()) },
      (socket) => {
        bench.#sockets.add(socket);
        bench.api.handleConnection(socket);
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    bench.#server = server;
    bench.port = (server.address() as AddressInfo).port;
    return bench;
  }

  options(more: RequestOptions = {}): RequestOptions {
    return {
      host: '127.0.0.1',
      port: this.port,
      servername: 'localhost',
      ca: this.certificates.caPem,
      agent: new HttpsAgent({ keepAlive: false }),
      ...more,
    };
  }

  /** One call; `body` that is no string is sent as JSON. */
  call(
    method: string,
    path: string,
    options: { body?: unknown; as?: string; type?: string; prefix?: string } = {},
  ): Promise<Reply> {
    const body = typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    const headers: Record<string, string> = {};
    if (options.as !== undefined) headers.authorization = `Bearer ${options.as}`;
    if (body !== undefined) headers['content-type'] = options.type ?? 'application/json';
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const sent = request(
        this.options({ method, path: (options.prefix ?? API_PREFIX) + path, headers }),
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => {
            const isJson = response.headers['content-type']?.startsWith('application/json') === true;
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              json: isJson ? JSON.parse(text) : {},
            });
          });
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** A stream's lines, as they come. */
  async lines(path: string, as: string): Promise<Lines> {
    return new Promise((resolve, reject) => {
      const sent = request(
        this.options({ path: API_PREFIX + path, headers: { authorization: `Bearer ${as}` } }),
        (response) => resolve(new Lines(response.statusCode, response, () => sent.destroy())),
      );
      sent.on('error', reject);
      sent.end();
    });
  }

  async token(lifetime = 3600_000): Promise<string> {
    const token = createToken('join', randomBytes);
    const createdAt = this.clock.now();
    must(await this.store.createJoinToken({ hash: hashToken(token), createdAt, expiresAt: createdAt + lifetime }));
    return token;
  }

  /** Joins an agent; its id and credential. */
  async join(name = 'laptop'): Promise<{ id: string; credential: string }> {
    const reply = await this.call('POST', '/join', { body: { token: await this.token(), name } });
    return { id: String(reply.json.agentId), credential: String(reply.json.credential) };
  }

  async stop(): Promise<void> {
    await this.api.close(0);
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.store.close();
    rmSync(this.#dir, { recursive: true });
  }
}

/** Lines of a stream, read one by one. */
export class Lines {
  readonly #ready: Record<string, unknown>[] = [];
  readonly #wanting: ((line: Record<string, unknown>) => void)[] = [];
  readonly status: number | undefined;
  readonly close: () => void;
  readonly ended: Promise<void>;

  constructor(status: number | undefined, response: NodeJS.ReadableStream, close: () => void) {
    this.status = status;
    this.close = close;
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) this.#take(JSON.parse(text));
    });
    this.ended = new Promise((resolve) => {
      response.on('end', resolve);
      response.on('error', () => resolve());
      response.on('close', resolve);
    });
  }

  next(): Promise<Record<string, unknown>> {
    const line = this.#ready.shift();
    return line !== undefined ? Promise.resolve(line) : new Promise((resolve) => this.#wanting.push(resolve));
  }

  /** The first line from here on that `fits`. */
  async until(fits: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const line = await this.next();
      if (fits(line)) return line;
    }
  }

  #take(line: Record<string, unknown>): void {
    const want = this.#wanting.shift();
    if (want === undefined) this.#ready.push(line);
    else want(line);
  }
}
