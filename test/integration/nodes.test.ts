/** An agent with two nodes, and with a node of two processes: the edges' side is a registry each, in this process. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { TunnelAcceptor } from '../../edge/tunnels/acceptor.ts';
import { TunnelRegistry } from '../../edge/tunnels/registry.ts';
import { createAllowList } from '../../main/agent/allow-list.ts';
import { createDatagramOrigin } from '../../main/agent/datagram-origin.ts';
import type { EdgeAddress } from '../../main/agent/edge-address.ts';
import { createEdgeDialler } from '../../main/agent/edge-dialler.ts';
import { createEdgeLinks, type EdgeLinks } from '../../main/agent/edge-links.ts';
import { createOriginDialler } from '../../main/agent/origin.ts';
import { createTunnelDialler } from '../../main/agent/tunnel-dialler.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { GO_AWAY, type ResetCode } from '../../shared/wire/codes.ts';
import { askedWorker, type NodeAddress } from '../../shared/wire/handshake.ts';
import { encodeOpen } from '../../shared/wire/open.ts';
import { selfSigned } from '../support/certificate.ts';

const identity = selfSigned();
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

interface Node {
  readonly registries: readonly TunnelRegistry[];
  readonly port: number;
  /** Where connections go whose ClientHello asks for a worker; as asked unless told. */
  steer: (asked: number | undefined) => number;
}

/** A node of `workers` processes that tells agents of `nodes`. */
async function startNode(nodeId: string, nodes: () => readonly NodeAddress[], workers = 1): Promise<Node> {
  const parts = Array.from({ length: workers }, (_, worker) => {
    const registry = new TunnelRegistry(() => {});
    const acceptor = new TunnelAcceptor({
      registry,
      nodeId,
      version: '1',
      clock: systemClock,
      logger: silentLogger,
      authenticate: async () => 'known',
      sourceOf: (address) => address,
      throttled: () => false,
      onSeen: () => {},
      place: { worker, workers },
      nodes,
    });
    closing.push(() => registry.close());
    return { registry, acceptor };
  });
  let asked: number | undefined;
  const server = tls.createServer(
    {
      ...identity,
      minVersion: 'TLSv1.3',
      ALPNCallback: ({ protocols }) => {
        asked = protocols.map(askedWorker).find((worker) => worker !== undefined);
        return 'porthole/1';
      },
    },
    (socket) => {
      socket.on('error', () => socket.destroy());
      const part = parts[node.steer(asked)];
      if (part !== undefined) void part.acceptor.accept(socket);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const node: Node = {
    registries: parts.map((part) => part.registry),
    port: (server.address() as AddressInfo).port,
    steer: (worker) => worker ?? 0,
  };
  return node;
}

const allowed = createAllowList();

function startLinks(port: number): EdgeLinks {
  const ending = new AbortController();
  const origin = createOriginDialler(allowed, ending.signal);
  const links = createEdgeLinks({
    // Comes back to a node that drains at once, instead of some time within 300 ms.
    random: () => 0,
    home: { host: '127.0.0.1', port, domain: 'localhost' },
    dialTo: (address: EdgeAddress) =>
      createTunnelDialler({
        address,
        dialler: createEdgeDialler(address, { caPem: identity.cert }),
        agentId: 'a1',
        credential: 'pha_x',
        name: 'laptop',
        version: '1',
        dialOrigin: (target, signal) => origin.dial(target, signal),
        datagrams: createDatagramOrigin(allowed, ending.signal),
        clock: systemClock,
        logger: silentLogger,
      }),
  });
  closing.push(() => {
    ending.abort();
    links.close();
  });
  return links;
}

/** An origin that answers each line as it comes. */
async function startEcho(): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  allowed.allow({ service: 's1', type: 'agent', host: 'localhost', port });
  return port;
}

/** A stream to `port` through `registry`. */
function openStream(registry: TunnelRegistry, port: number) {
  let text = '';
  let changed: () => void = () => {};
  let reset: ResetCode | undefined;
  const open = encodeOpen({
    service: 's1',
    type: 'agent',
    host: 'localhost',
    port,
    tls: false,
    skipTlsVerify: false,
    connectTimeout: 5000,
  });
  const stream = registry.open('a1', open, {
    onData(buffer, start, end) {
      text += buffer.toString('latin1', start, end);
      if (typeof stream !== 'string') stream.consumed(end - start);
      changed();
    },
    onEnd: () => changed(),
    onReset(code) {
      reset = code;
      changed();
    },
    onWritable() {},
  });
  if (typeof stream === 'string') throw new Error(stream);
  return {
    stream,
    get reset() {
      return reset;
    },
    /** Sends `line` and waits for it to come back. */
    async say(line: string): Promise<void> {
      const wanted = text + line;
      stream.writeLatin1(line);
      while (text.length < wanted.length && reset === undefined)
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      expect([text, reset]).toEqual([wanted, undefined]);
    },
  };
}

const ups = (links: EdgeLinks): (string | undefined)[] =>
  links.views.filter((view) => view.state === 'up').map((view) => view.nodeId);

function reached(links: EdgeLinks, fits: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!fits()) return;
      stop();
      resolve();
    };
    const stop = links.onChange(look);
    look();
  });
}

it('links to a second node, and to a third before the first is gone; what is under way finishes', async () => {
  const known: NodeAddress[] = [];
  const [a, b, c] = [
    await startNode('a', () => known),
    await startNode('b', () => known),
    await startNode('c', () => known),
  ];
  for (const [id, node] of [
    ['a', a],
    ['b', b],
    ['c', c],
  ] as const)
    known.push({ id, address: `127.0.0.1:${node.port}` });
  const port = await startEcho();
  const links = startLinks(a.port);
  await reached(links, () => ups(links).length === 2);
  const [first] = a.registries;
  if (first === undefined) throw new Error('no registry');
  const under = openStream(first, port);
  await under.say('before');
  first.drain();
  // The first node takes no further streams from now on, so it is a matter of the two others.
  await reached(links, () => ups(links).includes('b') && ups(links).includes('c'));
  await under.say('still there');
  for (const registry of [...b.registries, ...c.registries]) await openStream(registry, port).say('new ones here');
  under.stream.end();
  expect(under.reset).toBeUndefined();
});

it('has a carrier to each process of a node, wherever the first dials land', async () => {
  const node = await startNode('a', () => [], 3);
  const port = await startEcho();
  // The hint is lost once: it lands on the process that has one already.
  let lost = 1;
  node.steer = (asked) => (asked === 2 && lost-- > 0 ? 0 : (asked ?? 0));
  const links = startLinks(node.port);
  await reached(links, () => links.views[0]?.carriers === 3);
  await expect.poll(() => node.registries.map((registry) => registry.count().tunnels)).toEqual([1, 1, 1]);
  for (const registry of node.registries) await openStream(registry, port).say('hello');
});

it('comes back to a process that has lost its carrier, while the others go on', async () => {
  const node = await startNode('a', () => [], 2);
  const port = await startEcho();
  const links = startLinks(node.port);
  await reached(links, () => links.views[0]?.carriers === 2);
  const [one, two] = node.registries;
  if (one === undefined || two === undefined) throw new Error('no registries');
  const kept = openStream(two, port);
  await kept.say('before');
  const states = new Set<string>();
  links.onChange(() => states.add(links.state.state));
  one.evict('a1', GO_AWAY.INTERNAL, 'the process ended');
  await expect.poll(() => one.isUp('a1')).toBe(true);
  await kept.say('after');
  expect([...states]).toEqual(['up']);
});
