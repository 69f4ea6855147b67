/** A real edge and a real agent whose link grows, changes its carriers under load, and shows itself. */
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Agent, type AgentSnapshot, createAgent } from '../../main/agent/agent.ts';
import { type AllowList, createAllowList } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { createPortFinder, type PortFinder } from '../../main/agent/local-ports.ts';
import { externalUrl } from '../../shared/contract/agent-state.ts';
import type { NewTarget, ServiceView } from '../../shared/contract/control-api.ts';
import { type Origin, tcpOrigin } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { ask, open } from '../support/visitor.ts';

/** Two carriers only, so that each new one makes the oldest give up what it carries. */
const edge = new EdgeProcess('edge.test', ['--limit', 'carriers-per-tunnel=2']);
const wide = new EdgeProcess('wide.test');
let ports: PortFinder;

beforeAll(async () => {
  await Promise.all([edge.start(), wide.start()]);
  ports = createPortFinder();
});

afterAll(async () => {
  ports.close();
  await Promise.all([edge[Symbol.asyncDispose](), wide[Symbol.asyncDispose]()]);
});

async function startAgent(at: EdgeProcess, port = at.ready.httpsPort) {
  const trust = { caPem: readFileSync(at.ready.caFile, 'utf8') };
  const address = { host: '127.0.0.1', port, domain: at.domain };
  const client = createControlClient({ address, trust });
  const reply = await client.join(await at.token(), 'test laptop');
  client.close();
  if (!reply.ok) throw new Error(reply.error.message);
  const { agentId, credential } = reply.value;
  const allowed = createAllowList();
  const agent = createAgent({ address, trust, agentId, credential, name: 'x', version: '0', allowed, ports });
  return { agent, allowed, ca: trust.caPem, [Symbol.asyncDispose]: () => agent.close() };
}

function reached(agent: Agent, fits: (snapshot: AgentSnapshot) => boolean): Promise<AgentSnapshot> {
  return new Promise((resolve) => {
    const look = (): void => {
      const snapshot = agent.snapshot();
      if (!fits(snapshot)) return;
      stop();
      resolve(snapshot);
    };
    const stop = agent.onChange(look);
    look();
  });
}

const carriers = (snapshot: AgentSnapshot): number => snapshot.links[0]?.carriers ?? 0;

async function publish(agent: Agent, allowed: AllowList, target: NewTarget, mode?: 'tcp'): Promise<ServiceView> {
  const made = await agent.control.createService({ targets: [target], ...(mode === undefined ? {} : { mode }) });
  if (!made.ok) throw new Error(made.error.message);
  const { id } = made.value;
  allowed.allow({ service: id, type: 'agent', host: 'localhost', port: target.port });
  await reached(agent, (s) => s.services.some((service) => service.id === id && service.status === 'active'));
  return made.value;
}

async function app(listener: RequestListener) {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Milliseconds that a byte is under way to what is `faraway`. */
const DISTANCE = 2;

/** `port` of this machine, as if it were farther away than a link of two carriers may be. */
function faraway(port: number): Promise<Origin> {
  const pass = (from: Socket, to: Socket): void => {
    from.setNoDelay(true);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    from.on('data', (chunk: Buffer) => setTimeout(() => to.write(chunk) || from.pause(), DISTANCE));
    from.on('end', () => setTimeout(() => to.end(), DISTANCE));
    to.on('drain', () => from.resume());
  };
  return tcpOrigin((near) => {
    const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    pass(near, far);
    pass(far, near);
  });
}

/** Bytes that follow from `seed`, and the hash over them. */
function content(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4096) bytes.writeUInt32LE((seed * 2_654_435_761 + at) >>> 0, at);
  return bytes;
}

const digest = (hash: Hash): string => hash.digest('hex');

it('keeps a service without a single failure while carriers come and go under it', { timeout: 180_000 }, async () => {
  const long = content(7, 64 * 1024);
  await using server = await app((request, response) => {
    if (request.url !== '/long') return void response.end(`you asked for ${request.url}`);
    // As long as the visitor stays: a stream that has to move with every change.
    const timer = setInterval(() => response.write(long), 5);
    response.once('close', () => clearInterval(timer));
  });
  await using laptop = await startAgent(edge);
  const { agent, allowed, ca } = laptop;
  const service = await publish(agent, allowed, { port: server.port });
  const url = externalUrl(service.urls);
  const stream = await open({ url: `${url}/long`, ca });
  let received = 0;
  let wrong = 0;
  stream.on('data', (chunk: Buffer) => {
    for (let i = 0; i < chunk.length; i++) if (chunk[i] !== long[(received + i) % long.length]) wrong++;
    received += chunk.length;
  });
  let going = true;
  const visit = async (name: number): Promise<string[]> => {
    const failures: string[] = [];
    for (let n = 0; going; n++) {
      const path = `/${name}-${n}`;
      const { status, text } = await ask({ url: `${url}${path}`, ca });
      if (status !== 200 || text !== `you asked for ${path}`) failures.push(`${status} ${text.slice(0, 80)}`);
    }
    return failures;
  };
  const visitors = [0, 1, 2, 3].map(visit);
  for (let change = 0; change < 8; change++) {
    const before = agent.snapshot().links[0]?.bytesUp ?? 0;
    const had = carriers(agent.snapshot());
    agent.resumed();
    // The new one is there, and the oldest has gone again; something went over it.
    await reached(agent, (s) => carriers(s) > had || had === 2);
    await reached(agent, (s) => carriers(s) === 2 && (s.links[0]?.bytesUp ?? 0) > before + 100_000);
    const sofar = received;
    await expect.poll(() => received, { timeout: 60_000 }).toBeGreaterThan(sofar + long.length);
  }
  going = false;
  expect((await Promise.all(visitors)).flat()).toEqual([]);
  expect([wrong, stream.readableAborted]).toEqual([0, false]);
  stream.destroy();
});

it('grows for downloads that begin at the same moment, and mixes none of their bytes', {
  timeout: 180_000,
}, async () => {
  const length = 24_000_000;
  const origin = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (seed: Buffer) => socket.end(content(seed[0] ?? 0, length)));
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  await using path = await faraway(wide.ready.httpsPort);
  await using laptop = await startAgent(wide, path.port);
  const { agent, allowed } = laptop;
  const service = await publish(agent, allowed, { port: (origin.address() as AddressInfo).port }, 'tcp');
  expect(carriers(agent.snapshot())).toBe(1);
  const download = async (seed: number): Promise<string> => {
    const socket = net.connect(service.listenPort ?? 0, '127.0.0.1');
    socket.write(Buffer.of(seed));
    const hash = createHash('sha256');
    for await (const chunk of socket) hash.update(chunk as Buffer);
    return digest(hash);
  };
  const grown = reached(agent, (s) => carriers(s) > 2);
  const rounds = [0, 1, 2].map(async (round) => {
    for (let n = 0; n < 3; n++) {
      const seeds = [0, 1, 2].map((i) => 1 + round * 9 + n * 3 + i);
      const got = await Promise.all(seeds.map(download));
      expect(got).toEqual(seeds.map((seed) => digest(createHash('sha256').update(content(seed, length)))));
    }
  });
  await Promise.all(rounds);
  expect(carriers(await grown)).toBeLessThanOrEqual(8);
  const [link] = agent.snapshot().links;
  expect(link).toMatchObject({ state: 'up', address: `127.0.0.1:${path.port}` });
  expect(link?.nodeId).toBe(agent.snapshot().cluster?.nodeId);
  expect(link?.bytesUp).toBeGreaterThan(27 * length);
  origin.close();
});

it.runIf(process.platform === 'linux')('has a carrier to each process of an edge that has several', async () => {
  await using many = new EdgeProcess('many.test', ['--workers', '2']);
  await many.start();
  await using server = await app((request, response) => void response.end(`you asked for ${request.url}`));
  await using laptop = await startAgent(many);
  const { agent, allowed, ca } = laptop;
  await reached(agent, (s) => carriers(s) === 2);
  const service = await publish(agent, allowed, { port: server.port });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask({ url: `${externalUrl(service.urls)}/${i}`, ca })),
  );
  expect(answers.map((answer) => answer.text)).toEqual(answers.map((_, i) => `you asked for /${i}`));
});
