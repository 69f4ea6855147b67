import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJudge } from '../../../edge/access/access.ts';
import type { RelayOptions } from '../../../edge/relay/context.ts';
import { Relay } from '../../../edge/relay/relay.ts';
import { UdpRelay } from '../../../edge/relay/udp-relay.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import type { Restrictions } from '../../../shared/domain/restrictions.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { untilGone } from '../../support/direct.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type SocketPair, socketPair } from '../../support/socket-pair.ts';
import { directRoute } from './routes.ts';

const HERE: Restrictions = { allowCidrs: ['127.0.0.0/8'] };
const ELSEWHERE: Restrictions = { allowCidrs: ['10.0.0.0/8'] };

let clock: ManualClock;
let tunnels: FakeTunnels;
let records: AccessRecord[];
let options: RelayOptions;
const ends: (() => unknown)[] = [];

beforeEach(() => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  records = [];
  options = {
    tunnels,
    record: (record) => void records.push(record),
    onDial: () => {},
    nodeId: 'node',
    clock,
    log: silentLogger,
    judge: createJudge({ country: () => 'unavailable', remedy: () => 'unavailable' }),
  };
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe('a connection', () => {
  function relay(more: Partial<RelayOptions> = {}): Relay {
    const made = new Relay({ ...options, ...more });
    ends.push(() => made.close());
    return made;
  }
  async function arrive(): Promise<SocketPair> {
    const pair = await socketPair('tcp');
    ends.push(() => pair.close());
    pair.dialled.on('error', () => {});
    return pair;
  }

  it('from where nobody is let in is closed before any byte reaches the origin', async () => {
    const made = relay();
    const pair = await arrive();
    pair.dialled.write('knock');
    const gone = untilGone(pair.dialled);
    made.serve({ socket: pair.accepted, early: Buffer.from('early') }, directRoute('a', { restrictions: ELSEWHERE }));
    expect((await gone).received.toString()).toBe('');
    expect(tunnels.streams).toHaveLength(0);
    expect(made).toMatchObject({ open: 0, accepted: 0, denied: 1 });
    expect(records).toMatchObject([{ kind: 'connection', failure: 'ip_restricted', address: '127.0.0.1', bytesUp: 0 }]);
  });

  it('from where visitors are let in passes', async () => {
    const made = relay();
    const pair = await arrive();
    made.serve({ socket: pair.accepted }, directRoute('a', { restrictions: HERE }));
    await tunnels.stream(1);
    expect(made.open).toBe(1);
  });

  it('is closed where nobody can judge it', async () => {
    const { judge: _, ...without } = options;
    const made = new Relay(without);
    ends.push(() => made.close());
    const pair = await arrive();
    const gone = untilGone(pair.dialled);
    made.serve({ socket: pair.accepted }, directRoute('a', { restrictions: HERE }));
    await gone;
    expect(tunnels.streams).toHaveLength(0);
  });

  it('ends when new restrictions would not have let it in, and only then', async () => {
    const made = relay();
    const pair = await arrive();
    made.serve({ socket: pair.accepted }, directRoute('a'));
    (await tunnels.stream(1)).opened();
    made.recheck(directRoute('a', { restrictions: HERE }));
    made.recheck(directRoute('b', { restrictions: ELSEWHERE }));
    expect(made.open).toBe(1);
    const gone = untilGone(pair.dialled);
    made.recheck(directRoute('a', { restrictions: ELSEWHERE }));
    await gone;
    expect(made.open).toBe(0);
    expect(records).toMatchObject([{ failure: 'ip_restricted' }]);
  });
});

describe('a datagram', () => {
  let via: Socket;
  let relay: UdpRelay;
  beforeEach(async () => {
    via = createSocket('udp4').bind(0, '127.0.0.1');
    await once(via, 'listening');
    relay = new UdpRelay(options);
    ends.push(
      () => relay.close(),
      () => via.close(),
    );
  });
  const from = (address: string, port: number): RemoteInfo => ({ address, port, family: 'IPv4', size: 1 });
  const receive = (restrictions: Restrictions | undefined, address: string, port = 1): void =>
    relay.receive(directRoute('a', { mode: 'udp', restrictions }), via, Buffer.from('x'), from(address, port));

  it('from where nobody is let in is dropped, without a session and with one line in the log', () => {
    for (let port = 1; port <= 50; port++) receive(ELSEWHERE, '127.0.0.1', port);
    expect(tunnels.streams).toHaveLength(0);
    expect(relay).toMatchObject({ open: 0, denied: 50 });
    expect(records).toMatchObject([{ failure: 'ip_restricted', protocol: 'udp', address: '127.0.0.1' }]);
    clock.advance(11_000);
    receive(ELSEWHERE, '127.0.0.1');
    expect(records).toHaveLength(2);
  });

  it('has a line for each reason that it is dropped for, however soon that comes after another', () => {
    receive(ELSEWHERE, '127.0.0.1');
    for (let port = 1; port <= 5; port++) receive({ ...HERE, crowdsec: 'enforce' }, '127.0.0.1', port);
    expect(records.map(({ failure }) => failure)).toEqual(['ip_restricted', 'crowdsec_unavailable']);
  });

  it('does not cost others their sessions', () => {
    for (let i = 0; i < 2000; i++) receive(HERE, `192.0.${i >> 8}.${i & 255}`);
    receive(HERE, '127.0.0.1');
    expect(relay.open).toBe(1);
    expect(records.length).toBeLessThanOrEqual(1024);
  });

  it('ends its session when new restrictions would not have let it in, and only then', () => {
    receive(undefined, '127.0.0.1');
    receive(undefined, '10.0.0.1');
    relay.recheck(directRoute('a', { mode: 'udp', restrictions: ELSEWHERE }));
    expect(records).toMatchObject([{ failure: 'ip_restricted', address: '127.0.0.1' }]);
  });
});
