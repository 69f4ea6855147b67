import { beforeEach, expect, it } from 'vitest';
import { readHeads, unpackRecord } from '../../../edge/record/packed-table.ts';
import { RecordSender } from '../../../edge/workers/record-sender.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { packRecords } from '../record/records.ts';

const record = (n: number): AccessRecord => ({
  id: `r${n}`,
  time: 1_767_225_600_000,
  kind: 'request',
  serviceId: 's',
  agentId: 'a',
  nodeId: 'n',
  protocol: 'http/1.1',
  secure: true,
  method: 'GET',
  host: 'app.edge.test',
  path: `/${n}`,
  status: 200,
  duration: 1.5,
  firstByte: 1.25,
  bytesUp: 0,
  bytesDown: 10,
  address: '192.0.2.1',
});

let clock: ManualClock;
let sent: AccessRecord[][];
let sender: RecordSender;
beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  sender = new RecordSender((packed) => sent.push(readHeads(packed).map(unpackRecord)), clock);
});

it('gathers for a moment, and arrives as it was', () => {
  sender.record(record(1));
  sender.record(record(2));
  expect(sent).toEqual([]);
  clock.advance(100);
  expect(sent).toEqual([[record(1), record(2)]]);
});

it('tells whose a packed record is without unpacking it', () => {
  const { serviceId: _, agentId: __, ...nobodys } = record(1);
  const records = [
    record(1),
    { ...nobodys, path: '/","odd",\n' },
    { ...nobodys, serviceId: 's2', userAgent: '["x",1,"request","s9","a9"]' },
  ];
  const heads = readHeads(packRecords(records));
  expect(heads.map(({ serviceId, agentId }) => [serviceId, agentId])).toEqual([
    ['s', 'a'],
    [undefined, undefined],
    ['s2', undefined],
  ]);
  expect(heads.map(unpackRecord)).toEqual(records);
});

it('sends one batch at a time', () => {
  for (let i = 0; i < 2_500; i++) sender.record(record(i));
  clock.advance(1_000);
  expect(sent.map((batch) => batch.length)).toEqual([1_000]);
  sender.taken();
  sender.taken();
  clock.advance(100);
  expect(sent.map((batch) => batch.length)).toEqual([1_000, 1_000, 500]);
});

it('drops and counts what comes while too much waits', () => {
  for (let i = 0; i < 25_000; i++) sender.record(record(i));
  // 1,000 are on their way.
  expect(sender.counts()).toEqual({ dropped: 4_000 });
});

it('sends what is left before it ends', async () => {
  for (let i = 0; i < 1_500; i++) sender.record(record(i));
  const closed = sender.close(2_000);
  sender.taken();
  sender.taken();
  await closed;
  expect(sent.map((batch) => batch.length)).toEqual([1_000, 500]);
});

it('ends all the same when nobody takes them', async () => {
  sender.record(record(1));
  const closed = sender.close(2_000);
  clock.advance(2_000);
  await expect(closed).resolves.toBeUndefined();
});
