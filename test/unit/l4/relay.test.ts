import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Relay } from '../../../edge/relay/relay.ts';
import type { DirectRoute } from '../../../edge/visit.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import type { TargetProblem } from '../../../shared/domain/status.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { untilGone } from '../../support/direct.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type SocketPair, socketPair } from '../../support/socket-pair.ts';
import { directRoute } from './routes.ts';

const pairs: SocketPair[] = [];
let clock: ManualClock;
let tunnels: FakeTunnels;
let records: AccessRecord[];
let dials: (TargetProblem | undefined)[];
let relay: Relay;
/** Resolves with the first record. */
let recorded: PromiseWithResolvers<void>;

beforeEach(() => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  records = [];
  recorded = Promise.withResolvers();
  dials = [];
  relay = new Relay({
    tunnels,
    record: (record) => {
      records.push(record);
      recorded.resolve();
    },
    onDial: (_, problem) => dials.push(problem),
    nodeId: 'node',
    clock,
    log: silentLogger,
    limits: { connectionsPerService: 2 },
  });
});
afterEach(() => {
  relay.close();
  for (const pair of pairs.splice(0)) pair.close();
});

async function arrive(route: DirectRoute, more: { early?: Buffer; ended?: boolean } = {}): Promise<SocketPair> {
  const pair = await socketPair('tcp');
  pairs.push(pair);
  pair.dialled.on('error', () => {});
  relay.serve({ socket: pair.accepted, ...more }, route);
  return pair;
}

it('sends what was read before, then what comes, and the answers back', async () => {
  const { dialled } = await arrive(directRoute('a'), { early: Buffer.from('early ') });
  dialled.end('late');
  const stream = await (await tunnels.stream(1)).until((s) => s.ended);
  expect(stream.received).toBe('early late');
  stream.opened();
  const gone = untilGone(dialled);
  stream.send('answer');
  stream.finish();
  expect((await gone).received.toString()).toBe('answer');
  await recorded.promise;
  expect(records).toMatchObject([{ bytesUp: 10, bytesDown: 6, kind: 'connection', protocol: 'tcp', host: 'a.test' }]);
  expect(dials).toEqual([undefined]);
  expect(relay.open).toBe(0);
});

it('passes on that a visitor had half-closed before it was handed over', async () => {
  await arrive(directRoute('a'), { ended: true, early: Buffer.from('all') });
  const stream = await tunnels.stream(1);
  expect(stream).toMatchObject({ ended: true, received: 'all' });
});

it.each([
  [RESET.REFUSED, 'origin_refused', 'origin_refused'],
  [RESET.TIMEOUT, 'origin_timeout', 'origin_timeout'],
  [RESET.UNRESOLVED, 'origin_unresolved', 'origin_unresolved'],
  [RESET.NOT_ALLOWED, 'origin_not_allowed', 'origin_not_allowed'],
  [RESET.TUNNEL_LOST, 'tunnel_lost', undefined],
  [RESET.LIMIT, 'busy', undefined],
] as const)('closes in order when the dial ends with %i, and says %s', async (code, failure, problem) => {
  const { dialled } = await arrive(directRoute('a'));
  const gone = untilGone(dialled);
  (await tunnels.stream(1)).break(code);
  expect(await gone).toMatchObject({ reset: false });
  expect(records).toMatchObject([{ failure, bytesDown: 0 }]);
  expect(dials).toEqual(problem === undefined ? [] : [problem]);
});

it.each(['agent_offline', 'busy'] as const)(
  'closes in order when there is no way to the agent: %s',
  async (failure) => {
    tunnels.refusals.push(failure);
    const { dialled } = await arrive(directRoute('a'));
    expect(await untilGone(dialled)).toMatchObject({ reset: false });
    expect(records).toMatchObject([{ failure }]);
  },
);

it('resets the visitor when the origin breaks in the middle: half an answer must not look whole', async () => {
  const { dialled } = await arrive(directRoute('a'));
  const stream = await tunnels.stream(1);
  stream.opened();
  stream.send('half');
  await once(dialled, 'data');
  const gone = untilGone(dialled);
  stream.break(RESET.BROKEN);
  expect(await gone).toMatchObject({ reset: true });
  expect(records).toMatchObject([{ failure: 'origin_closed', bytesDown: 4 }]);
});

it('gives up an agent that never says how its dial went', async () => {
  const { dialled } = await arrive(directRoute('a'));
  const gone = untilGone(dialled);
  const stream = await tunnels.stream(1);
  clock.advance(5_000);
  expect(stream.resetWith).toBeUndefined();
  clock.advance(2_000);
  expect(stream.resetWith).toBe(RESET.CANCELLED);
  expect(await gone).toMatchObject({ reset: false });
  expect(records).toMatchObject([{ failure: 'origin_timeout' }]);
});

it('wakes nobody while there is no connection', async () => {
  expect(clock.timers).toBe(0);
  for (let round = 1; round <= 2; round++) {
    await arrive(directRoute('a', { idleTimeout: 10_000 }));
    const stream = await tunnels.stream(round);
    stream.opened();
    clock.advance(9_000);
    expect([relay.open, clock.timers]).toEqual([1, 1]);
    clock.advance(2_000);
    expect([relay.open, clock.timers]).toEqual([0, 0]);
  }
});

it('counts any byte, either way, as activity', async () => {
  await arrive(directRoute('a', { idleTimeout: 10_000 }));
  const stream = await tunnels.stream(1);
  stream.opened();
  for (let i = 0; i < 5; i++) {
    clock.advance(9_000);
    stream.send('.');
  }
  expect(records).toMatchObject([{ kind: 'open' }]);
  clock.advance(12_000);
  expect(records).toMatchObject([{ kind: 'open' }, { kind: 'connection', failure: 'idle_timeout', bytesDown: 5 }]);
  expect(stream.resetWith).toBe(RESET.CANCELLED);
});

it('shows a connection that lasts while it is open, once, under the id of its last line', async () => {
  await arrive(directRoute('a', { idleTimeout: 60_000 }));
  const stream = await tunnels.stream(1);
  stream.opened();
  stream.send('...');
  clock.advance(9_000);
  expect(records).toEqual([]);
  clock.advance(30_000);
  relay.end('a');
  expect(records).toMatchObject([
    { kind: 'open', serviceId: 'a', bytesDown: 3, address: '127.0.0.1' },
    { kind: 'connection', serviceId: 'a', failure: 'service_disabled' },
  ]);
  expect(records[1]?.id).toBe(records[0]?.id);
});

it('turns away what is beyond a service’s bound, and only that', async () => {
  await arrive(directRoute('a'));
  await arrive(directRoute('a'));
  const third = await arrive(directRoute('a'));
  expect(await untilGone(third.dialled)).toMatchObject({ reset: false });
  expect(records).toMatchObject([{ failure: 'busy', serviceId: 'a' }]);
  await arrive(directRoute('b'));
  expect(tunnels.streams.length).toBe(3);
  expect(relay).toMatchObject({ open: 3, accepted: 3, refused: 1 });
});

it('ends the connections of one service and leaves the others', async () => {
  const a = await arrive(directRoute('a'));
  await arrive(directRoute('b'));
  const gone = untilGone(a.dialled);
  relay.end('a');
  await gone;
  expect(records).toMatchObject([{ serviceId: 'a', failure: 'service_disabled' }]);
  expect(relay.open).toBe(1);
});

it('drains: waits for the last connection, and not longer than it may', async () => {
  await arrive(directRoute('a', { idleTimeout: 60_000 }));
  (await tunnels.stream(1)).opened();
  const drained = relay.drain(30_000);
  clock.advance(30_000);
  await drained;
  expect(records).toMatchObject([{ kind: 'open' }, { failure: 'draining' }]);
  const late = await arrive(directRoute('a'));
  await untilGone(late.dialled);
  expect(tunnels.streams.length).toBe(1);
});
