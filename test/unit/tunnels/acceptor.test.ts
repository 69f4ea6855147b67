import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TunnelAcceptor, type Verdict } from '../../../edge/tunnels/acceptor.ts';
import type { LinkLimits } from '../../../edge/tunnels/link.ts';
import { TunnelRegistry } from '../../../edge/tunnels/registry.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { agentHandshake } from '../../../shared/node/handshake.ts';
import { type LogFields, type Logger, silentLogger } from '../../../shared/node/logger.ts';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import type { Hello, NodeAddress } from '../../../shared/wire/handshake.ts';
import { type SocketPair, socketPair } from '../../support/socket-pair.ts';

const pairs: SocketPair[] = [];
const registries: TunnelRegistry[] = [];
afterEach(() => {
  for (const registry of registries.splice(0)) registry.close();
  for (const pair of pairs.splice(0)) pair.close();
});

interface Options {
  readonly limits?: LinkLimits;
  readonly place?: { readonly worker: number; readonly workers: number };
  readonly nodes?: readonly NodeAddress[];
  readonly verdict?: Verdict;
  readonly look?: () => Promise<Verdict>;
  readonly maxPending?: number;
  readonly logger?: Logger;
}

function setUp(options: Options = {}) {
  const presence: string[] = [];
  const asked: string[] = [];
  const hits: string[] = [];
  const links = options.limits === undefined ? {} : { limits: options.limits };
  const registry = new TunnelRegistry((agent, up) => presence.push(`${agent} ${up ? 'up' : 'down'}`), links);
  registries.push(registry);
  const acceptor = new TunnelAcceptor({
    registry,
    nodeId: 'node',
    version: '1',
    clock: systemClock,
    logger: options.logger ?? silentLogger,
    authenticate: async (agentId, credential) => {
      asked.push(`${agentId}:${credential}`);
      return options.look?.() ?? options.verdict ?? 'known';
    },
    sourceOf: () => 'source',
    throttled: () => true,
    onSeen: () => {},
    bounds: { hit: (bound) => hits.push(bound) },
    nodes: () => options.nodes ?? [],
    ...(options.place === undefined ? {} : { place: options.place }),
    ...(options.maxPending === undefined ? {} : { maxPending: options.maxPending }),
  });
  return { acceptor, registry, presence, asked, hits };
}

/** A connection whose far end the acceptor has; resolves when the acceptor is done with it. */
async function connect(acceptor: TunnelAcceptor): Promise<{ readonly agent: Socket; readonly done: Promise<void> }> {
  const pair = await socketPair('tcp');
  pairs.push(pair);
  pair.dialled.on('error', () => {});
  return { agent: pair.dialled, done: acceptor.accept(pair.accepted) };
}

const hello = { protocol: 1, agentId: 'a', credential: 'secret', version: '1', name: 'laptop' };
const shake = (socket: Socket, sent: Hello = hello) => agentHandshake(socket, sent, { clock: systemClock });

describe('TunnelAcceptor', () => {
  it('welcomes a known agent and registers its tunnel until that ends', async () => {
    const { acceptor, registry, presence, asked } = setUp();
    const { agent, done } = await connect(acceptor);
    expect(await shake(agent)).toMatchObject({ ok: true, value: { nodeId: 'node' } });
    await done;
    expect([asked, presence, registry.isUp('a')]).toEqual([['a:secret'], ['a up'], true]);
    registry.evict('a', GO_AWAY.CREDENTIAL, 'left');
    expect([presence, registry.isUp('a')]).toEqual([['a up', 'a down'], false]);
  });

  it.each<[Verdict, number]>([
    ['unknown', GO_AWAY.CREDENTIAL],
    ['unavailable', GO_AWAY.INTERNAL],
  ])('refuses when the credential is %s', async (verdict, code) => {
    const { acceptor, registry } = setUp({ verdict });
    const { agent, done } = await connect(acceptor);
    expect(await shake(agent)).toMatchObject({ ok: false, error: { kind: 'refused', code } });
    await done;
    expect([registry.isUp('a'), acceptor.refused]).toEqual([false, 1]);
  });

  it('tells a carrier of a link its number, its bound, where it has landed, and which nodes there are', async () => {
    const nodes = [{ id: 'other', address: 'other.test:443' }];
    const { acceptor, registry } = setUp({ place: { worker: 1, workers: 2 }, nodes });
    for (const carrier of [0, 1]) {
      const { agent, done } = await connect(acceptor);
      const welcome = await shake(agent, { ...hello, link: 'link-of-a', grows: carrier > 0 });
      expect(welcome).toMatchObject({
        value: { carriers: 8, carrier, workers: 2, worker: 1, nodes, maxStreams: 4096 },
      });
      await done;
    }
    expect(registry.count()).toEqual({ links: 1, tunnels: 2, streams: 0 });
  });

  it('tells an agent that knows no links nothing of them', async () => {
    const { acceptor } = setUp({ place: { worker: 1, workers: 2 } });
    const { agent, done } = await connect(acceptor);
    const welcome = await shake(agent);
    await done;
    expect(welcome.ok && Object.keys(welcome.value).sort()).toEqual(['maxStreams', 'nodeId', 'protocol', 'version']);
  });

  it('refuses one carrier too many, and counts that', async () => {
    const { acceptor, registry, hits } = setUp({ limits: { carriers: 1, streams: 5, memory: 1024 } });
    const first = await connect(acceptor);
    expect(await shake(first.agent, { ...hello, link: 'link-of-a' })).toMatchObject({ value: { maxStreams: 5 } });
    await first.done;
    const second = await connect(acceptor);
    const refused = await shake(second.agent, { ...hello, link: 'link-of-a', grows: true });
    expect(refused).toMatchObject({ error: { kind: 'refused', code: GO_AWAY.LIMIT } });
    await second.done;
    expect([registry.count().tunnels, hits]).toEqual([1, ['carriersPerTunnel']]);
  });

  it('sends an agent elsewhere while the node drains, and tells it so only when it has proved itself', async () => {
    const { acceptor, registry } = setUp();
    registry.drain();
    const { agent, done } = await connect(acceptor);
    expect(await shake(agent)).toMatchObject({ error: { kind: 'refused', code: GO_AWAY.SHUTDOWN } });
    await done;
    expect(registry.count().tunnels).toBe(0);
    const unknown = setUp({ verdict: 'unknown' });
    unknown.registry.drain();
    const stranger = await connect(unknown.acceptor);
    expect(await shake(stranger.agent)).toMatchObject({ error: { kind: 'refused', code: GO_AWAY.CREDENTIAL } });
    await stranger.done;
  });

  it('keeps no place for a carrier whose agent leaves during the handshake', async () => {
    const answer = Promise.withResolvers<Verdict>();
    const asked = Promise.withResolvers<void>();
    const look = (): Promise<Verdict> => {
      asked.resolve();
      return answer.promise;
    };
    const { acceptor, registry } = setUp({ look, limits: { carriers: 1, streams: 5, memory: 1024 } });
    const { agent, done } = await connect(acceptor);
    const shaken = shake(agent, { ...hello, link: 'link-of-a', grows: true });
    await asked.promise;
    agent.destroy();
    answer.resolve('known');
    await Promise.all([shaken, done]);
    await expect.poll(() => registry.count().tunnels).toBe(0);
    expect(registry.reserve('a', 'link-of-a', true)).toBeDefined();
  });

  it('refuses another protocol version before it asks for the credential', async () => {
    const { acceptor, asked } = setUp();
    const { agent, done } = await connect(acceptor);
    expect(await shake(agent, { ...hello, protocol: 2 })).toMatchObject({ error: { code: GO_AWAY.VERSION } });
    await done;
    expect(asked).toEqual([]);
  });

  it('says of many strangers only that there were many', async () => {
    const lines: LogFields[] = [];
    const logger = { ...silentLogger, info: (_: string, fields: LogFields = {}) => void lines.push(fields) };
    const { acceptor } = setUp({ logger, verdict: 'unknown' });
    for (let n = 0; n < 30; n++) {
      const { agent, done } = await connect(acceptor);
      expect((await shake(agent)).ok).toBe(false);
      await done;
    }
    expect(acceptor.refused).toBe(30);
    expect(lines.length).toBe(10);
  });

  it('cuts the handshake that has been silent for longest where there is no room for one more', async () => {
    const { acceptor, hits } = setUp({ maxPending: 2 });
    const [oldest, older] = [await connect(acceptor), await connect(acceptor)];
    const newest = await connect(acceptor);
    await Promise.all([oldest.done, once(oldest.agent.resume(), 'end')]);
    for (const { agent, done } of [older, newest]) {
      expect((await shake(agent)).ok).toBe(true);
      await done;
    }
    expect([acceptor.refused, hits]).toEqual([1, ['agentHandshakes']]);
  });

  it('lets nobody keep good agents out by holding connections open', async () => {
    const { acceptor, hits } = setUp();
    for (let i = 0; i < 40; i++) await connect(acceptor);
    const { agent, done } = await connect(acceptor);
    expect((await shake(agent)).ok).toBe(true);
    await done;
    acceptor.close();
    expect(hits).toEqual(new Array(9).fill('agentHandshakesPerAddress'));
  });

  it('cuts none whose credential is being looked up', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Verdict>();
    const { acceptor, hits } = setUp({
      maxPending: 1,
      look: () => {
        asked.resolve();
        return answer.promise;
      },
    });
    const first = await connect(acceptor);
    const shaken = shake(first.agent);
    await asked.promise;
    const second = await connect(acceptor);
    await Promise.all([second.done, once(second.agent.resume(), 'end')]);
    answer.resolve('known');
    expect((await shaken).ok).toBe(true);
    await first.done;
    expect(hits).toEqual(['agentHandshakes']);
  });

  it('hears a good agent whose address has failed ten times and more', async () => {
    let verdict: Verdict = 'unknown';
    const { acceptor, registry } = setUp({ look: async () => verdict });
    for (let i = 0; i < 12; i++) {
      const { agent, done } = await connect(acceptor);
      await Promise.all([shake(agent), done]);
    }
    for (let i = 0; i < 5; i++) await connect(acceptor);
    verdict = 'known';
    const { agent, done } = await connect(acceptor);
    expect((await shake(agent)).ok).toBe(true);
    await done;
    expect(registry.isUp('a')).toBe(true);
    acceptor.close();
  });

  it('ends the handshakes under way when it closes', async () => {
    const { acceptor } = setUp();
    const { agent, done } = await connect(acceptor);
    acceptor.close();
    await Promise.all([done, once(agent.resume(), 'end')]);
    expect(acceptor.refused).toBe(1);
  });
});
