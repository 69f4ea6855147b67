/** An edge of several processes: one that controls, two that serve, all on the same ports. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JoinReply } from '../../shared/contract/control-api.ts';
import { temporaryHome } from '../support/cli.ts';
import { dial, echo, run, tcpOrigin, UdpVisitor, Up, udpOrigin } from '../support/direct.ts';
import { OpensslAuthority } from '../support/openssl.ts';
import {
  ask,
  call,
  joinEdge,
  linkLaptop,
  newToken,
  PUBLIC,
  probe,
  publish,
  type RunningEdge,
  runEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

// What is said last counts.
const TWO = [...PUBLIC, '--workers', '2'];

// Each test starts several processes from their sources, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** Ids of the workers' processes: the children of the edge. */
function workersOf(edge: RunningEdge): number[] {
  const { pid } = edge.child;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** The inode of the edge's end of the connection from `localPort` on loopback. */
function inodeOf(edge: RunningEdge, localPort: number): string | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const ends = `0100007F:${hex(edge.ready.httpsPort)} 0100007F:${hex(localPort)} 01`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((l) => l.includes(ends));
  return line?.trim().split(/\s+/)[9];
}

/** Resolves once `fits` holds; looks every 20 ms. */
async function until(fits: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fits())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The process that serves the connection from `localPort`, which is open, once only one has it. */
async function serverOf(edge: RunningEdge, localPort: number): Promise<number> {
  let by: number | undefined;
  await until(() => {
    by = servedBy(edge, localPort);
    return by !== undefined;
  });
  return by ?? 0;
}

/**
 * The process that serves the connection from `localPort`; `undefined` while one passes it on to another, and where the
 * system's list of connections changed while it was read.
 */
function servedBy(edge: RunningEdge, localPort: number): number | undefined {
  const socket = `socket:[${inodeOf(edge, localPort)}]`;
  const holders = [edge.child.pid ?? 0, ...workersOf(edge)].filter((pid) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === socket),
  );
  return holders.length === 1 ? holders[0] : undefined;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** A visitor with one connection that stays open. */
class KeptVisitor {
  readonly #agent: https.Agent;
  readonly #edge: RunningEdge;
  readonly #host: string;
  localPort = 0;

  constructor(edge: RunningEdge, host: string) {
    this.#edge = edge;
    this.#host = host;
    this.#agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** A request; the body of its answer. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const request = https.request({
      host: '127.0.0.1',
      port: this.#edge.ready.httpsPort,
      servername: this.#host,
      ca: this.#edge.ca,
      path,
      headers: { host: this.#host },
      agent: this.#agent,
    });
    // A connection that breaks is told of by `once` and the body; it may break again when the answer is through.
    request.on('error', () => {}).end();
    const [response] = await once(request, 'response');
    this.localPort = response.socket.localPort;
    return { status: response.statusCode, body: await text(response) };
  }

  /** The process that serves it. */
  worker(): Promise<number> {
    return serverOf(this.#edge, this.localPort);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/**
 * Visitors with a connection each, some on each worker, and all answered by the app: a worker hears of the agents' links
 * to the other one a moment after these are there.
 */
async function visitorsOnBoth(edge: RunningEdge, host: string, count = 12): Promise<KeptVisitor[]> {
  const visitors = Array.from({ length: count }, () => new KeptVisitor(edge, host));
  for (;;) {
    const answers = await Promise.all(visitors.map((visitor) => visitor.get('/warm')));
    if (answers.every(({ status }) => status === 200)) {
      const workers = new Set(await Promise.all(visitors.map((visitor) => visitor.worker())));
      if (workers.size === 2) return visitors;
    }
    for (const visitor of visitors) visitor.close();
  }
}

describe('two workers', () => {
  let stack: AsyncDisposableStack;
  let edge: RunningEdge;
  let joined: JoinReply;
  let dataDir: string;
  let app: Awaited<ReturnType<typeof startApp>>;

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    const folder = stack.use(temporaryFolder());
    dataDir = folder.path;
    edge = stack.use(await startEdge(dataDir, TWO));
    joined = await joinEdge(edge, await newToken(dataDir));
    app = stack.use(await startApp((request, response) => response.end(`this is ${request.url}`)));
  });
  afterAll(() => stack.disposeAsync());

  it('are processes beside the one that controls', () => {
    expect(workersOf(edge)).toHaveLength(2);
  });

  it('both serve an agent that has a link to one of them only', async () => {
    const laptop = await linkLaptop(edge, joined, 0);
    const service = await publish(edge, joined, 'detour', [{ port: app.port }]);
    const visitors = await visitorsOnBoth(edge, service.domain);
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(visitors.map((visitor, n) => visitor.get(`/${n}/${round}`)));
      expect(answers).toEqual(visitors.map((_, n) => ({ status: 200, body: `this is /${n}/${round}` })));
    }
    for (const visitor of visitors) visitor.close();
    laptop.tunnel.close(1, 'done');
    await laptop.ended;
  });

  it('take the links that agents mean for them, whoever accepted the connection', async () => {
    const homes: Set<number>[] = [];
    for (const worker of [0, 1]) {
      const home = new Set<number>();
      for (let i = 0; i < 6; i++) {
        const laptop = await linkLaptop(edge, joined, worker);
        home.add(await serverOf(edge, laptop.localPort));
        laptop.tunnel.close(1, 'done');
        await laptop.ended;
      }
      homes.push(home);
    }
    expect(homes.map((home) => home.size)).toEqual([1, 1]);
    expect(new Set(homes.flatMap((home) => [...home]))).toEqual(new Set(workersOf(edge)));
  });

  it('leave the control API to the process that controls', async () => {
    const socket = tlsConnect({ host: '127.0.0.1', port: edge.ready.httpsPort, servername: 'edge.test', ca: edge.ca });
    await once(socket, 'secureConnect');
    await until(() => servedBy(edge, socket.localPort ?? 0) === edge.child.pid);
    socket.destroy();
    expect((await call(edge, 'GET', '/services', joined.credential)).status).toBe(200);
    expect((await ask(edge, 'edge.test')).status).toBe(404);
  });

  it('both know a service once the API has answered, and both forget it', async () => {
    const laptops = [await linkLaptop(edge, joined, 0), await linkLaptop(edge, joined, 1)];
    const statuses = async (host: string): Promise<number[]> => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(edge, host)));
      return [...new Set(answers.map(({ status }) => status))];
    };
    for (let round = 0; round < 10; round++) {
      const service = await publish(edge, joined, `live-${round}`, [{ port: app.port }]);
      expect(await statuses(service.domain)).toEqual([200]);
      expect((await call(edge, 'DELETE', `/services/${service.id}`, joined.credential)).status).toBe(204);
      expect(await statuses(service.domain)).toEqual([404]);
    }
    for (const { tunnel } of laptops) tunnel.close(1, 'done');
    await Promise.all(laptops.map(({ ended }) => ended));
  });

  /** A real agent, which links to each worker. */
  async function startUp(): Promise<Up> {
    const home = temporaryHome();
    const { httpsPort, fingerprint } = edge.ready;
    const secret = ['--token', await newToken(dataDir), '--fingerprint', fingerprint];
    expect((await run(home, 'join', `https://127.0.0.1:${httpsPort}`, ...secret)).code).toBe(0);
    return Up.start(home);
  }

  it('share the ports of TCP services, and give them up together', async () => {
    await using up = await startUp();
    await using origin = await tcpOrigin(echo);
    const { id, port } = await up.add(origin.port, ['--protocol', 'tcp']);
    const heard = await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        const socket = await dial(port);
        socket.end(`this is ${n}`);
        return text(socket);
      }),
    );
    expect(heard).toEqual(heard.map((_, n) => `this is ${n}`));
    expect((await run(up.home, 'services', 'remove', id)).code).toBe(0);
    await until(() => isRefused(port));
  });

  it('share the ports of UDP services, and give them up together', async () => {
    await using up = await startUp();
    await using origin = await udpOrigin((message, reply) => reply(Buffer.concat([Buffer.from('re '), message])));
    const { id, port } = await up.add(origin.port, ['--protocol', 'udp']);
    expect(workersOf(edge).filter((pid) => holdsUdp(pid, port))).toHaveLength(2);
    const heard = await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        await using visitor = await UdpVisitor.to(port);
        const answers: string[] = [];
        for (let i = 0; i < 5; i++) {
          visitor.send(Buffer.from(`${n}/${i}`));
          answers.push(String(await visitor.next()));
        }
        return answers;
      }),
    );
    expect(heard).toEqual(heard.map((_, n) => Array.from({ length: 5 }, (__, i) => `re ${n}/${i}`)));
    expect((await run(up.home, 'services', 'remove', id)).code).toBe(0);
    await until(() => !workersOf(edge).some((pid) => holdsUdp(pid, port)));
  });

  it('count together, and note every request in one log', async () => {
    const laptop = await linkLaptop(edge, joined, 1);
    const service = await publish(edge, joined, 'counted', [{ port: app.port }]);
    const counted = async (name: string): Promise<number> =>
      Number(new RegExp(`^porthole_${name} (\\d+)$`, 'm').exec((await probe(edge, '/metrics')).body)?.[1]);
    const before = await counted('requests_total');
    const visitors = await visitorsOnBoth(edge, service.domain);
    for (let round = 0; round < 3; round++) await Promise.all(visitors.map((visitor) => visitor.get('/counted')));
    // A worker that is slow to tell what it counted, or to notice that the agents of earlier tests are gone, may be late.
    await until(async () => (await counted('requests_total')) - before >= 3 * visitors.length);
    await until(async () => (await counted('agents_connected')) === 1);
    expect(await counted('services_routed')).toBeGreaterThan(0);
    await until(async () => {
      const { value } = await call(edge, 'GET', '/logs?text=/counted&limit=200', joined.credential);
      const { records } = value as { readonly records: readonly { readonly path: string }[] };
      return records.filter(({ path }) => path === '/counted').length === 3 * visitors.length;
    });
    for (const visitor of visitors) visitor.close();
    laptop.tunnel.close(1, 'done');
    await laptop.ended;
  });

  it('take up one another’s TLS sessions', async () => {
    const where = { host: '127.0.0.1', port: edge.ready.httpsPort, servername: 'app.edge.test', ca: edge.ca };
    const first = tlsConnect({ ...where, ALPNProtocols: ['http/1.1'] });
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    const workers = new Set<number>();
    const reused: boolean[] = [];
    while (workers.size < 2) {
      const socket = tlsConnect({ ...where, ALPNProtocols: ['http/1.1'], session });
      await once(socket, 'secureConnect');
      reused.push(socket.isSessionReused());
      const by = servedBy(edge, socket.localPort ?? 0);
      if (by !== undefined) workers.add(by);
      socket.destroy();
    }
    expect(new Set(reused)).toEqual(new Set([true]));
  });

  it('get a link again from each agent after they were killed', async () => {
    await using up = await startUp();
    const open = async (): Promise<number> =>
      Number(/^porthole_tunnels_open (\d+)$/m.exec((await probe(edge, '/metrics')).body)?.[1]);
    await until(async () => (await open()) >= 2);
    const [victim = 0] = workersOf(edge);
    process.kill(victim, 'SIGKILL');
    await until(() => !workersOf(edge).includes(victim));
    await until(async () => workersOf(edge).length === 2 && (await open()) >= 2);
    const state = await up.until(({ link }) => link.state === 'up');
    expect(state.link.state).toBe('up');
  });

  it('let no other edge of the same user join in on a port', async () => {
    const other = createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true });
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    using folder = temporaryFolder();
    const ended = await runEdge([
      ...['--domain', 'edge.test', '--listen', `127.0.0.1:${port}`, '--health', '127.0.0.1:0', '--workers', '2'],
      ...['--data-dir', folder.path, '--json'],
    ]);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.out)).toMatchObject({ event: 'failed', error: { code: 'address_in_use' } });
    other.close();
  });
});

describe('a worker that is killed', () => {
  it('takes its own connections with it and no others, and comes back', async () => {
    using folder = temporaryFolder();
    await using edge = await startEdge(folder.path, TWO);
    await using app = await startApp((request, response) => response.end(`this is ${request.url}`));
    const joined = await joinEdge(edge, await newToken(folder.path));
    await linkLaptop(edge, joined, 0);
    await linkLaptop(edge, joined, 1);
    const service = await publish(edge, joined, 'app', [{ port: app.port }]);
    const visitors = await visitorsOnBoth(edge, service.domain);
    const [victim = 0, survivor = 0] = workersOf(edge);
    const homes = await Promise.all(visitors.map((visitor) => visitor.worker()));
    let stop = false;
    let done = 0;
    const outcomes = visitors.map(async (visitor, n) => {
      for (let i = 0; !stop; i++) {
        const answer = await visitor.get(`/${n}/${i}`).catch((error: Error) => error);
        if (answer instanceof Error) return 'cut';
        if (answer.status !== 200 || answer.body !== `this is /${n}/${i}`) return `${answer.status} ${answer.body}`;
        done++;
      }
      return 'fine';
    });
    await until(() => done > 200);
    process.kill(victim, 'SIGKILL');
    await until(() => workersOf(edge).length === 2 && !workersOf(edge).includes(victim));
    const after = done;
    await until(() => done > after + 200);
    stop = true;
    const ends = await Promise.all(outcomes);
    expect(ends.filter((_, n) => homes[n] === survivor)).toEqual(homes.filter((h) => h === survivor).map(() => 'fine'));
    expect(new Set(ends.filter((_, n) => homes[n] === victim))).toEqual(new Set(['cut']));
    // The new one serves too: by a detour, until the agent has linked to it again.
    for (const visitor of visitors) visitor.close();
    const again = await visitorsOnBoth(edge, service.domain);
    const answers = await Promise.all(again.map((visitor, n) => visitor.get(`/again/${n}`)));
    expect(answers).toEqual(again.map((_, n) => ({ status: 200, body: `this is /again/${n}` })));
    for (const visitor of again) visitor.close();
    expect(edge.log()).toContain('a worker ended; another takes its place');
    const metrics = async (): Promise<string> => (await probe(edge, '/metrics')).body;
    await until(async () => /^porthole_workers_serving 2$/m.test(await metrics()));
    expect(await metrics()).toMatch(/^porthole_worker_crashes_total 1$/m);
  });
});

describe('an edge of several processes that ends', () => {
  /** An edge with a request under way on each worker; `finish` lets the app answer. */
  async function busyEdge(dataDir: string) {
    const stack = new AsyncDisposableStack();
    const edge = stack.use(await startEdge(dataDir, TWO));
    const joined = await joinEdge(edge, await newToken(dataDir));
    const held: (() => void)[] = [];
    const app = stack.use(
      await startApp((request, response) => {
        if (request.url === '/slow') held.push(() => response.end('after all'));
        else response.end('warm');
      }),
    );
    const laptop = await linkLaptop(edge, joined);
    const service = await publish(edge, joined, 'app', [{ port: app.port }]);
    const visitors = await visitorsOnBoth(edge, service.domain);
    const answers = Promise.allSettled(visitors.map((visitor) => visitor.get('/slow')));
    await until(() => held.length === visitors.length);
    const finish = (): void => {
      for (const answer of held) answer();
    };
    return { edge, laptop, visitors, answers, finish, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  it('drains all of them on SIGTERM, and exits with 0', async () => {
    using folder = temporaryFolder();
    await using busy = await busyEdge(folder.path);
    const { edge } = busy;
    edge.child.kill('SIGTERM');
    await busy.laptop.movedOn;
    expect((await probe(edge, '/healthz/ready')).status).toBe(503);
    busy.finish();
    const answers = await busy.answers;
    expect(new Set(answers.map((a) => (a.status === 'fulfilled' ? a.value.body : 'cut')))).toEqual(
      new Set(['after all']),
    );
    for (const visitor of busy.visitors) visitor.close();
    expect(await edge.exited).toBe(0);
    expect(existsSync(join(folder.path, 'workers'))).toBe(false);
  });

  it('ends all of them at once on a second signal', async () => {
    using folder = temporaryFolder();
    await using busy = await busyEdge(folder.path);
    const pids = workersOf(busy.edge);
    busy.edge.child.kill('SIGTERM');
    await busy.laptop.movedOn;
    busy.edge.child.kill('SIGTERM');
    expect(await busy.edge.exited).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    await busy.answers;
  });

  it('leaves what is under way to the workers when the process that controls is killed, and its ports to the next', async () => {
    using folder = temporaryFolder();
    await using busy = await busyEdge(folder.path);
    const pids = workersOf(busy.edge);
    const gone = once(busy.edge.child, 'exit');
    busy.edge.child.kill('SIGKILL');
    await gone;
    await busy.laptop.movedOn;
    const { httpsPort } = busy.edge.ready;
    await until(() => isRefused(httpsPort));
    const args = ['--domain', 'edge.test', '--listen', `127.0.0.1:${httpsPort}`, '--health', '127.0.0.1:0'];
    // In one process, which is there soon: the workers of before wait for half a minute.
    await using next = await startEdge(folder.path, [...args, '--workers', '1']);
    busy.finish();
    const answers = await busy.answers;
    expect(new Set(answers.map((a) => (a.status === 'fulfilled' ? a.value.body : 'cut')))).toEqual(
      new Set(['after all']),
    );
    for (const visitor of busy.visitors) visitor.close();
    await until(() => !pids.some(isAlive));
    expect((await ask(next, 'edge.test')).status).toBe(404);
  });
});

describe('certificates from files', () => {
  it('are renewed in all workers, for new connections', async () => {
    using folder = temporaryFolder();
    const authority = new OpensslAuthority(folder.path);
    const at = (file: string): string => join(folder.path, file);
    const put = (): void => {
      const { cert, key } = authority.issue({ names: ['DNS:edge.test', 'DNS:*.edge.test'] });
      writeFileSync(at('next.crt'), cert);
      writeFileSync(at('next.key'), key, { mode: 0o600 });
      renameSync(at('next.crt'), at('tls.crt'));
      renameSync(at('next.key'), at('tls.key'));
    };
    put();
    const files = ['--cert', at('tls.crt'), '--key', at('tls.key')];
    await using edge = await startEdge(at('data'), [...TWO, ...files], authority.rootPem);
    const serials = async (): Promise<ReadonlySet<string>> => {
      const shown = await Promise.all(Array.from({ length: 12 }, (_, n) => serialOf(edge, n)));
      return new Set(shown);
    };
    const before = await serials();
    expect(before.size).toBe(1);
    put();
    await until(async () => [...(await serials())].every((serial) => !before.has(serial)));
    expect((await serials()).size).toBe(1);
  });
});

/** The serial number of the certificate that a visitor is shown; every other one asks for the cluster's own name. */
async function serialOf(edge: RunningEdge, n: number): Promise<string> {
  const servername = n % 2 === 0 ? 'edge.test' : 'app.edge.test';
  const socket = tlsConnect({ host: '127.0.0.1', port: edge.ready.httpsPort, servername, ca: edge.ca });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

function holdsUdp(pid: number, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`:${hex} `))
    .map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`);
  return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(linkOf(`/proc/${pid}/fd/${fd}`)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const isRefused = (port: number): Promise<boolean> =>
  dial(port).then(
    (socket) => {
      socket.destroy();
      return false;
    },
    () => true,
  );
