import { describe, expect, it } from 'vitest';
import type { PackedRecords } from '../../../edge/record/access-log.ts';
import { decodeBlock, encodeBlock } from '../../../edge/record/block.ts';
import { COLUMN, type RecordTable, toRecord, WIDTH } from '../../../edge/record/columns.ts';
import { tableOf } from '../../../edge/record/packed-table.ts';
import { RecordPacker } from '../../../edge/record/record-packer.ts';
import { accessRecordSchema } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { seededRandom } from '../../support/random.ts';
import { newRecord, packRecords } from './records.ts';

const unpack = (packed: PackedRecords): AccessRecord[] => recordsOf(tableOf(packed));
const recordsOf = (table: RecordTable): AccessRecord[] => {
  return Array.from({ length: table.count }, (_, row) => toRecord(table, row));
};

const TEXTS = ['', 'a', '/', 'GET', '\0', '\n', 'ä', '\u{1f6a2}', '\ud800', '"quoted"', 'x'.repeat(2048), '__proto__'];
const NUMBERS = [0, 1, 126, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 40 + 1, 2 ** 52 - 2];
const OPTIONAL = [
  'serviceId',
  'agentId',
  'firstByte',
  'edge',
  'tunnel',
  'origin',
  'userAgent',
  'country',
  'user',
  'reason',
];

/** Records of which each differs from the one before in a few things, or in all. */
function oddRecords(count: number, seed: number): AccessRecord[] {
  const next = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  let last: Record<string, unknown> = { ...newRecord() };
  return Array.from({ length: count }, (_, i) => {
    const record: Record<string, unknown> = { ...last, id: `r${seed}-${i}` };
    for (const key of [
      'method',
      'host',
      'path',
      'address',
      'nodeId',
      'serviceId',
      'agentId',
      'userAgent',
      'user',
      'reason',
    ])
      if (next() < 0.3) record[key] = pick(TEXTS);
    for (const key of ['time', 'status', 'bytesUp', 'bytesDown']) if (next() < 0.3) record[key] = pick(NUMBERS);
    for (const key of ['duration', 'firstByte', 'edge', 'tunnel', 'origin'])
      if (next() < 0.3) record[key] = pick(NUMBERS.filter((n) => n < 2 ** 41)) / 1000;
    for (const [key, values] of [
      ['secure', [true, false]],
      ['kind', ['request', 'open', 'close', 'connection']],
      ['protocol', ['http/1.0', 'http/2', 'tcp', 'udp']],
      ['failure', ['origin_refused', undefined]],
      ['observed', ['crowdsec_ban', undefined]],
      ['auth', ['pin', 'sso', undefined]],
    ] as const)
      if (next() < 0.3) record[key] = pick<unknown>(values);
    for (const key of OPTIONAL) if (next() < 0.1) delete record[key];
    for (const key of Object.keys(record)) if (record[key] === undefined) delete record[key];
    last = record;
    return record as unknown as AccessRecord;
  });
}

describe('packed records', () => {
  it('come back as they were, on their way and out of a block, whatever is in them', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const records = oddRecords(1 + ((seed * 17) % 90), seed);
      const packed = packRecords(records);
      expect(unpack(packed)).toEqual(records);
      const { size, data } = encodeBlock(packed);
      const table = decodeBlock({ count: records.length, size }, data);
      expect(table === undefined ? [] : recordsOf(table)).toEqual(records);
    }
  });

  it('can be copied, a few or all of them, behind others', () => {
    const records = oddRecords(200, 7);
    const table = tableOf(packRecords(records));
    const packer = new RecordPacker();
    packer.push(newRecord({ id: 'first' }));
    for (let row = 0; row < table.count; row += 3) packer.copy(table, row);
    expect(unpack(packer.take()).slice(1)).toEqual(records.filter((_, row) => row % 3 === 0));
  });

  it('know when they began and when the last was over', () => {
    const packed = packRecords([
      newRecord({ time: 5000, duration: 10 }),
      newRecord({ time: 3000, duration: 9000.5 }),
      newRecord({ time: 6000, duration: 0 }),
    ]);
    expect([packed.oldest, packed.newest, packed.ended]).toEqual([3000, 6000, 12_001]);
  });

  it('take a few bytes each where most is as before', () => {
    const records = Array.from({ length: 1000 }, (_, i) => newRecord({ path: '/', duration: 1 + i / 1000 }));
    expect(packRecords(records).rows.length / 1000).toBeLessThan(30);
  });

  it('have a bit for each column', () => {
    expect(new Set(Object.values(COLUMN))).toEqual(new Set(Array.from({ length: WIDTH }, (_, i) => i)));
    expect(WIDTH).toBeLessThanOrEqual(32);
  });

  it('have nothing where a number makes no sense', () => {
    const odd = {
      bytesUp: Number.POSITIVE_INFINITY,
      bytesDown: -5,
      duration: Number.NaN,
      edge: Number.POSITIVE_INFINITY,
    };
    const [read] = unpack(packRecords([newRecord(odd)]));
    expect(read).toMatchObject({ bytesUp: 0, bytesDown: 0, duration: 0 });
    expect(read).not.toHaveProperty('edge');
  });

  it('leave out what this version does not know, and stay valid', () => {
    const [known] = unpack(
      packRecords([newRecord({ failure: 'origin_refused', observed: 'crowdsec_ban', auth: 'pin' })]),
    );
    expect(accessRecordSchema.parse(known)).toEqual(known);
    const odd = { ...newRecord(), failure: 'no_such_code', observed: 'nor_this', auth: 'magic', kind: 'dance' };
    const [read] = unpack(packRecords([odd as unknown as AccessRecord]));
    expect(read).toMatchObject({ kind: 'request' });
    expect(Object.keys(read ?? {})).not.toEqual(expect.arrayContaining(['failure']));
    expect(accessRecordSchema.parse(read)).toEqual(read);
  });

  it('that are damaged are no records, or some without meaning, but never a failure or more than there were', () => {
    const packed = packRecords(oddRecords(100, 3));
    const { size, data } = encodeBlock(packed);
    const next = seededRandom(5);
    for (let i = 0; i < 300; i++) {
      const damaged = Uint8Array.from(data);
      for (let n = 0; n < 3; n++) damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
      const length = i % 2 === 0 ? damaged.length : Math.floor(next() * data.length);
      const table = decodeBlock({ count: 100, size }, damaged.subarray(0, length));
      if (table !== undefined) expect(recordsOf(table)).toHaveLength(100);
      const rows = packed.rows.slice(0, Math.floor(next() * packed.rows.length));
      expect(unpack({ ...packed, rows })).toHaveLength(100);
    }
    expect(decodeBlock({ count: 10 ** 9, size }, data)).toBeUndefined();
    for (const texts of ['{}', '[', '', '[1, null]'])
      for (const record of unpack({ ...packed, texts })) expect([record.path, record.host].join('')).toBe('');
  });
});
