import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BoundName } from '../../../edge/bounds.ts';
import { UdpRelay } from '../../../edge/relay/udp-relay.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import type { TargetProblem } from '../../../shared/domain/status.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { directRoute } from './routes.ts';

let clock: ManualClock;
let tunnels: FakeTunnels;
let records: AccessRecord[];
let dials: (TargetProblem | undefined)[];
let relay: UdpRelay;
let hits: BoundName[];
let via: Socket;
const route = directRoute('a', { mode: 'udp', idleTimeout: 30_000 });

beforeEach(async () => {
  clock = new ManualClock();
  tunnels = new FakeTunnels();
  records = [];
  dials = [];
  hits = [];
  relay = new UdpRelay({
    tunnels,
    record: (record) => records.push(record),
    onDial: (_, problem) => dials.push(problem),
    nodeId: 'node',
    clock,
    log: silentLogger,
    limits: { udpQueue: 4, udpQueueSize: 64 * 1024, udpUnsent: 64 * 1024 },
    bounds: { hit: (bound) => hits.push(bound) },
  });
  via = createSocket('udp4');
  via.bind(0, '127.0.0.1');
  await once(via, 'listening');
});
afterEach(async () => {
  relay.close();
  via.close();
  await once(via, 'close');
});

const from = (port: number, address = '127.0.0.1'): RemoteInfo => ({ address, port, family: 'IPv4', size: 1 });
const receive = (text: string, port: number, address?: string): void =>
  relay.receive(route, via, Buffer.from(text), from(port, address));

it('keeps one stream a visitor, told by address and port', () => {
  receive('one', 1001);
  receive('two', 1001);
  receive('one', 1002);
  expect(tunnels.streams.map((s) => s.received)).toEqual(['\0\x03one\0\x03two', '\0\x03one']);
  expect(relay.open).toBe(2);
});

it('sends answers back to the visitor whose stream they came by', async () => {
  const visitor = createSocket('udp4');
  visitor.bind(0, '127.0.0.1');
  await once(visitor, 'listening');
  receive('hello', visitor.address().port);
  tunnels.streams[0]?.opened();
  expect(dials).toEqual([]);
  tunnels.streams[0]?.send('\0\x02hi\0\0');
  const [first] = (await once(visitor, 'message')) as [Buffer];
  expect(first.toString()).toBe('hi');
  expect(dials).toEqual([undefined]);
  visitor.close();
});

it('begins 50 sessions a second and drops the rest', () => {
  for (let i = 0; i < 80; i++) receive('x', 2000 + i);
  expect(relay.open).toBe(50);
  expect(relay.dropped).toBe(30);
  clock.advance(500);
  for (let i = 0; i < 80; i++) receive('x', 3000 + i);
  expect(relay.open).toBe(75);
});

it('holds 1024 sessions at once', () => {
  for (let second = 0; second < 25; second++) {
    for (let i = 0; i < 50; i++) receive('x', 2000 + second * 50 + i, `127.0.0.${i % 3}`);
    clock.advance(1_000);
  }
  expect(relay.open).toBe(1024);
});

it('gives one address half of the sessions, and what it asks for beyond that takes nothing from others', () => {
  for (let second = 0; second < 12; second++) {
    for (let i = 0; i < 50; i++) receive('x', 2000 + second * 50 + i);
    clock.advance(1_000);
  }
  expect(relay.open).toBe(512);
  for (let i = 0; i < 1000; i++) receive('x', 10_000 + i);
  receive('x', 1, '127.0.0.2');
  expect(relay.open).toBe(513);
  clock.advance(60_000);
  expect(relay.open).toBe(0);
  receive('x', 1);
  expect(relay.open).toBe(1);
});

it('ends a session after 30 s of silence, and logs it without blame', () => {
  receive('x', 1001);
  clock.advance(29_000);
  receive('y', 1001);
  clock.advance(29_000);
  expect(relay.open).toBe(1);
  clock.advance(3_000);
  expect(relay.open).toBe(0);
  expect(tunnels.streams[0]?.resetWith).toBe(RESET.CANCELLED);
  expect(records).toMatchObject([{ kind: 'connection', protocol: 'udp', bytesUp: 2, bytesDown: 0 }]);
  expect(records[0]).not.toHaveProperty('failure');
});

it('wakes nobody while there is no session', () => {
  expect(clock.timers).toBe(0);
  for (let round = 0; round < 2; round++) {
    receive('x', 1001);
    clock.advance(29_000);
    expect([relay.open, clock.timers]).toEqual([1, 1]);
    clock.advance(3_000);
    expect([relay.open, clock.timers]).toEqual([0, 0]);
  }
});

it('asks an origin that refused, or a laptop that is away, once a second and not for every datagram', () => {
  tunnels.refusals.push('agent_offline');
  receive('x', 1001);
  receive('x', 1001);
  expect(records).toMatchObject([{ failure: 'agent_offline' }]);
  clock.advance(2_000);
  receive('x', 1001);
  tunnels.streams[0]?.break(RESET.REFUSED);
  receive('x', 1001);
  expect(records).toMatchObject([{ failure: 'agent_offline' }, { failure: 'origin_refused' }]);
  expect(dials).toEqual(['origin_refused']);
  expect(tunnels.streams.length).toBe(1);
});

it('counts datagrams that a slow laptop has no use for, by the bound that they are beyond', () => {
  receive('x', 1001);
  const [stream] = tunnels.streams;
  if (stream === undefined) throw new Error('no stream');
  stream.reads = false;
  for (let n = 0; n < 5; n++) receive('x'.repeat(40_000), 1001);
  expect(new Set(hits)).toEqual(new Set(['udpQueueSize']));
  expect(relay.dropped).toBe(hits.length);
  hits.length = 0;
  for (let n = 0; n < 10; n++) receive('small', 1001);
  expect(new Set(hits)).toEqual(new Set(['udpQueue']));
});

it('drops answers that the system is too slow to send, and counts them', async () => {
  via.getSendQueueSize = () => 64 * 1024 + 1;
  receive('x', 1001);
  tunnels.streams[0]?.send('\0\x02hi');
  expect([relay.dropped, hits]).toEqual([1, ['udpUnsent']]);
});

it('ends a session whose agent sends what is no datagram', () => {
  receive('x', 1001);
  tunnels.streams[0]?.send('\xff\xff');
  expect(tunnels.streams[0]?.resetWith).toBe(RESET.CANCELLED);
  expect(records).toMatchObject([{ failure: 'origin_bad_response' }]);
});

it('forgets a service that is gone', () => {
  receive('x', 1001);
  relay.end('a');
  expect(relay.open).toBe(0);
  expect(records).toMatchObject([{ failure: 'service_disabled' }]);
});
