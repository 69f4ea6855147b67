/** The bounds of UDP services, driven against real edges. A datagram beyond one is dropped, as a network would. */
import { expect } from 'vitest';
import { DatagramReader } from '../../shared/wire/datagram.ts';
import { UdpVisitor } from '../support/direct.ts';
import { call, linkLaptop, probe, type RunningEdge } from './edge-stand.ts';
import { driveBounds, LimitedEdge } from './limits-stand.ts';

const wide = new LimitedEdge('udp-sessions-per-service=4', 'udp-queue=8');
const narrow = new LimitedEdge('udp-sessions-per-address=2', 'udp-queue=65536', 'udp-queue-size=64KiB');
const slow = new LimitedEdge('udp-new-sessions-per-second=2');

/** A session at the laptop: what came, and a way to answer. */
interface Session {
  readonly received: Buffer[];
  /** It takes what came, and from now on whatever comes. */
  catchUp(): void;
}

/** A UDP service of a laptop that reads only what it is told to, and the sessions that it has seen. */
async function deafService(limited: LimitedEdge, subdomain: string) {
  const edge = await limited.start();
  const joined = await limited.joined();
  const sessions: Session[] = [];
  await linkLaptop(edge, joined, undefined, (stream) => {
    stream.opened(1);
    const reader = new DatagramReader();
    const received: Buffer[] = [];
    let owed = 0;
    let reads = false;
    sessions.push({
      received,
      catchUp() {
        reads = true;
        stream.consumed(owed);
        owed = 0;
      },
    });
    return {
      onData(buffer, start, end) {
        reader.push(buffer, start, end, (datagram) => received.push(Buffer.from(datagram)));
        if (reads) stream.consumed(end - start);
        else owed += end - start;
      },
      onEnd() {},
      onReset() {},
      onWritable() {},
    };
  });
  const { value } = await call(edge, 'POST', '/services', joined.credential, {
    subdomain,
    mode: 'udp',
    targets: [{ port: 9 }],
  });
  const { listenPort } = value as { readonly listenPort: number };
  const visitor = async (): Promise<UdpVisitor> => {
    const made = await UdpVisitor.to(listenPort);
    limited.defer(() => made[Symbol.asyncDispose]());
    return made;
  };
  /** The first session, once the port is open. */
  const first = async (from: UdpVisitor): Promise<Session> => {
    const begun = (): Session | undefined => {
      from.send(Buffer.alloc(4));
      return sessions[0];
    };
    await expect.poll(begun).toBeDefined();
    const [session] = sessions;
    if (session === undefined) throw new Error('no session');
    return session;
  };
  return { sessions, visitor, first };
}

type Service = Awaited<ReturnType<typeof deafService>>;

/** When it returns the edge has read what was sent to it before: its loop has gone round. */
const isRead = (edge: RunningEdge) => probe(edge, '/healthz/live');

/** Numbered datagrams from one visitor to a laptop that reads none; yields the numbers that it reads when it does. */
async function pushOut(edge: RunningEdge, { visitor, first }: Service, count: number, size: number): Promise<number[]> {
  const from = await visitor();
  const session = await first(from);
  for (let n = 1; n <= count; n++) {
    const datagram = Buffer.alloc(size);
    datagram.writeUInt32BE(n);
    from.send(datagram);
    await isRead(edge);
  }
  session.catchUp();
  const numbers = (): number[] => session.received.map((datagram) => datagram.readUInt32BE(0)).filter((n) => n > 0);
  await expect.poll(() => numbers().at(-1)).toBe(count);
  return numbers();
}

driveBounds('udp', {
  udpQueue: {
    edge: wide,
    seen: 'the oldest are dropped',
    times: 20,
    told: { address: '127.0.0.1', serviceId: expect.any(String) },
    async go(edge) {
      const service = await deafService(wide, 'queue');
      const read = await pushOut(edge, service, 400, 2_000);
      // The newest have waited; those in front of them are gone, and nothing has changed its place.
      expect(read.slice(-8)).toEqual(Array.from({ length: 8 }, (_, n) => 393 + n));
      expect(read.length).toBeLessThan(380);
      expect(read).toEqual([...read].sort((a, b) => a - b));
    },
  },
  udpSessionsPerService: {
    edge: wide,
    seen: 'datagrams of new visitors are dropped; those of others are not',
    times: 5,
    told: { address: '127.0.0.1', serviceId: expect.any(String) },
    async go(edge) {
      const { sessions, visitor, first } = await deafService(wide, 'sessions');
      const known = await visitor();
      const session = await first(known);
      for (let n = 1; n < 4; n++) (await visitor()).send(Buffer.from('new'));
      await expect.poll(() => sessions.length).toBe(4);
      for (let n = 0; n < 5; n++) (await visitor()).send(Buffer.from('one too many'));
      await isRead(edge);
      known.send(Buffer.from('still here'));
      await expect.poll(() => session.received.at(-1)?.toString()).toBe('still here');
      expect(sessions.length).toBe(4);
    },
  },
  udpQueueSize: {
    edge: narrow,
    seen: 'the oldest are dropped, however few they are',
    times: 10,
    told: { address: '127.0.0.1', serviceId: expect.any(String) },
    async go(edge) {
      const service = await deafService(narrow, 'size');
      const read = await pushOut(edge, service, 30, 20_000);
      // Three fit.
      expect(read.slice(-3)).toEqual([28, 29, 30]);
      expect(read).not.toContain(27);
      expect(read.length).toBeLessThan(20);
    },
  },
  udpSessionsPerAddress: {
    edge: narrow,
    seen: 'datagrams of its new ports are dropped',
    times: 5,
    told: { address: '127.0.0.1', serviceId: expect.any(String) },
    async go(edge) {
      const { sessions, visitor, first } = await deafService(narrow, 'address');
      await first(await visitor());
      for (let n = 0; n < 6; n++) (await visitor()).send(Buffer.from('new'));
      await isRead(edge);
      await expect.poll(() => sessions.length).toBe(2);
    },
  },
  udpNewSessionsPerSecond: {
    edge: slow,
    seen: 'datagrams of new visitors are dropped, until the next second',
    times: 5,
    told: { address: '127.0.0.1', serviceId: expect.any(String) },
    async go(edge) {
      const { sessions, visitor, first } = await deafService(slow, 'rate');
      await first(await visitor());
      const crowd = await Promise.all(Array.from({ length: 10 }, visitor));
      for (const one of crowd) one.send(Buffer.from('new'));
      await isRead(edge);
      expect(sessions.length).toBeLessThan(8);
      const again = (): number => {
        for (const one of crowd) one.send(Buffer.from('again'));
        return sessions.length;
      };
      const before = sessions.length;
      await expect.poll(again, { interval: 200 }).toBeGreaterThan(before + 1);
    },
  },
});
