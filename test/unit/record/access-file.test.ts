import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessFile, type AccessFileOptions } from '../../../edge/record/access-file.ts';
import type { LogFilter } from '../../../edge/record/access-log.ts';
import { accessRecordSchema } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { newRecord, packRecords } from './records.ts';

const DAY = 24 * 3600_000;
const SCOPE = { agentId: 'ada', serviceIds: ['shop', 'blog'] };
let dir: string;
let file: AccessFile;
const open = (more: Partial<AccessFileOptions> = {}): AccessFile =>
  AccessFile.open({ file: join(dir, 'access.db'), retention: 7 * DAY, maxBytes: 2 ** 30, ...more });
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'porthole-access-'));
  file = open();
});
afterEach(() => {
  file.close();
  rmSync(dir, { recursive: true });
});

const search = (filter: Partial<LogFilter> = {}, scope = SCOPE): AccessRecord[] =>
  file.search(scope, { limit: 100, ...filter }, undefined, filter.limit ?? 100).records;
/** Records in each block, oldest first; and all texts of all blocks. */
const blockCounts = (): number[] => blocks().map(({ count }) => Number(count));
const texts = (): string =>
  blocks()
    .map(({ data }) => (data instanceof Uint8Array ? zstdDecompressSync(data).toString('latin1') : ''))
    .join();
function blocks(): Record<string, unknown>[] {
  const other = new DatabaseSync(join(dir, 'access.db'));
  const rows = other.prepare('select count, data from blocks order by last').all();
  other.close();
  return rows;
}
const paths = (filter: Partial<LogFilter> = {}): string[] => search(filter).map((r) => r.path);

describe('the access log file', () => {
  it('gives back what was noted, newest first, absent fields absent', () => {
    const full = newRecord({ failure: 'origin_refused', kind: 'close' });
    const { serviceId, agentId, firstByte, edge, tunnel, origin, userAgent, ...rest } = newRecord({ status: 0 });
    const sparse = { ...rest, serviceId: 'blog' };
    file.append(packRecords([full, sparse]));
    expect(search()).toEqual([sparse, full]);
    for (const record of search()) expect(accessRecordSchema.parse(record)).toEqual(record);
    expect([serviceId, agentId, firstByte, edge, tunnel, origin, userAgent]).not.toContain(undefined);
  });

  it("shows an agent its services' records and those it answered, nobody else's", () => {
    const by = (serviceId: string, agentId?: string): AccessRecord => {
      const { agentId: _, ...rest } = newRecord({ serviceId, path: `/${serviceId}/${agentId ?? '-'}` });
      return agentId === undefined ? rest : { ...rest, agentId };
    };
    const { serviceId, ...unrouted } = newRecord({ agentId: 'bob', path: '/nowhere' });
    file.append(
      packRecords([by('shop'), by('blog', 'ada'), by('removed', 'ada'), by('other', 'bob'), by('other'), unrouted]),
    );
    expect(paths()).toEqual(['/removed/ada', '/blog/ada', '/shop/-']);
    expect(paths({ service: ['shop', 'other'] })).toEqual(['/shop/-']);
    expect(serviceId).toBe('shop');
  });

  it.each<[string, Partial<LogFilter>, string[]]>([
    ['a method, any case', { method: 'post' }, ['/b']],
    ['an exact status', { status: '404' }, ['/b']],
    ['a status class', { status: '5xx' }, ['/c']],
    ['text in the path', { text: '/C' }, ['/c']],
    ['text in the user agent', { text: 'CURL' }, ['/a']],
    ['text with the wildcards of SQL, literally', { text: '%' }, []],
    ['a time span, ends included', { since: 2000, until: 3000 }, ['/c', '/b']],
    ['one service', { service: 'blog' }, ['/c']],
    ['several filters at once', { service: 'blog', status: '2xx' }, []],
  ])('filters by %s', (_, filter, expected) => {
    file.append(
      packRecords([
        newRecord({ path: '/a', time: 1000, userAgent: 'curl/8' }),
        newRecord({ path: '/b', time: 2000, method: 'POST', status: 404 }),
        newRecord({ path: '/c', time: 3000, serviceId: 'blog', status: 502 }),
      ]),
    );
    expect(paths(filter)).toEqual(expected);
  });

  it('finds a text wherever it stands, whatever it consists of', () => {
    const odd = ['/%41_b', '/back\\slash', '/"quoted",404,', '/Ä/ä', '/new\nline', '/nul\0', '/\u{1f6a2}', "/o'clock"];
    file.append(packRecords(odd.map((path) => newRecord({ path, host: '', address: '', userAgent: '' }))));
    const parts = (path: string): string[] => {
      const letters = [...path];
      return [letters.slice(1), letters.slice(2), letters.slice(1, 2), letters.slice(-2)].map((some) => some.join(''));
    };
    for (const text of odd.flatMap(parts).filter((part) => part !== '')) {
      const expected = odd.filter((path) => path.toLowerCase().includes(text.toLowerCase())).reverse();
      expect([paths({ text }), paths({ path: text })], text).toEqual([expected, expected]);
    }
    expect(paths({ status: '404' })).toEqual([]);
  });

  it('pages without gaps or repetition, in bounded steps', () => {
    const records = Array.from({ length: 50_000 }, (_, i) =>
      newRecord({ path: `/${i}`, serviceId: i % 10_000 === 0 ? 'rare' : 'x', agentId: 'x' }),
    );
    file.append(packRecords(records));
    const seen: string[] = [];
    let steps = 0;
    for (let before: number | undefined; ; steps++) {
      const found = file.search({ agentId: 'none', serviceIds: ['rare'] }, { limit: 2 }, before, 2);
      seen.push(...found.records.map((r) => r.path));
      before = found.before;
      if (before === undefined) break;
    }
    expect(seen).toEqual(['/40000', '/30000', '/20000', '/10000', '/0']);
    expect(steps).toBeLessThan(8);
  });

  it('forgets what is older than the retention and keeps the rest', () => {
    const now = 100 * DAY;
    const old = Array.from({ length: 5000 }, () => newRecord({ time: now - 8 * DAY }));
    file.append(packRecords([...old, newRecord({ time: now - 6 * DAY, path: '/kept' })]));
    for (let more = true; more; ) more = file.prune(now);
    expect(paths()).toEqual(['/kept']);
  });

  it('gives the oldest up to stay inside its size', () => {
    file.close();
    file = open({ maxBytes: 2 * 2 ** 20 });
    const now = 1_700_000_000_000;
    let last = '';
    for (let i = 0; i < 40; i++) {
      const batch = Array.from({ length: 500 }, () => newRecord());
      last = batch.at(-1)?.path ?? '';
      file.append(packRecords(batch));
      for (let more = true; more; ) more = file.prune(now);
    }
    expect(statSync(join(dir, 'access.db')).size).toBeLessThanOrEqual(2 * 2 ** 20);
    expect(paths()[0]).toBe(last);
  });

  it('notes nothing of a batch that does not fit', () => {
    file.close();
    file = open({ maxBytes: 200_000 });
    file.append(packRecords([newRecord({ path: '/before' })]));
    const large = Array.from({ length: 500 }, () => newRecord({ path: randomBytes(900).toString('base64') }));
    expect(() => file.append(packRecords(large))).toThrow(/full/);
    expect(paths()).toEqual(['/before']);
    file.append(packRecords([newRecord({ path: '/after' })]));
    expect(paths()).toEqual(['/after', '/before']);
  });

  it('keeps few blocks, however few records come at a time, and pages through them as they become one', () => {
    const noted: string[] = [];
    const note = (count: number): void => {
      const records = Array.from({ length: count }, () => newRecord());
      noted.push(...records.map(({ path }) => path));
      file.append(packRecords(records));
    };
    for (let i = 0; i < 1500; i++) note(1);
    for (let i = 0; i < 300; i++) note(1 + (i % 7));
    expect(blockCounts().length).toBeLessThan(30);
    expect(blockCounts().reduce((sum, count) => sum + count, 0)).toBe(noted.length);
    const expected = noted.toReversed();
    const seen: string[] = [];
    for (let before: number | undefined; ; ) {
      const found = file.search(SCOPE, { limit: 37 }, before, 37);
      seen.push(...found.records.map(({ path }) => path));
      before = found.before;
      if (before === undefined) break;
      note(3);
    }
    expect(seen).toEqual(expected);
  });

  it('keeps large batches as they come', () => {
    for (let i = 0; i < 5; i++) file.append(packRecords(Array.from({ length: 1000 }, () => newRecord())));
    expect(blockCounts()).toEqual([1000, 1000, 1000, 1000, 1000]);
  });

  it('takes out of a block what is too old, and every text that only that had', () => {
    const now = 100 * DAY;
    const old = newRecord({ time: now - 8 * DAY, path: '/old', address: '198.51.100.77' });
    const kept = newRecord({ time: now - 6 * DAY, path: '/kept' });
    file.append(packRecords([old, kept, { ...old, path: '/old too' }]));
    for (let more = true; more; ) more = file.prune(now);
    expect(paths()).toEqual(['/kept']);
    expect(texts()).toContain('/kept');
    expect(texts()).not.toContain('198.51.100.77');
    file.append(packRecords([newRecord({ path: '/next', time: now })]));
    expect(paths()).toEqual(['/next', '/kept']);
  });

  it('forgets what is too old wherever it stands, and where one has read to stays where it was', () => {
    const now = 100 * DAY;
    const at = (path: string, days: number): AccessRecord => newRecord({ path, time: now - days * DAY });
    file.append(packRecords([at('/ahead', -1), at('/old 1', 8), at('/kept 1', 6)]));
    file.append(packRecords([at('/old 2', 9), at('/kept 2', 5), at('/old 3', 8), at('/kept 3', 5)]));
    const { before } = file.search(SCOPE, { limit: 1 }, undefined, 1);
    for (let more = true; more; ) more = file.prune(now);
    expect(paths()).toEqual(['/kept 3', '/kept 2', '/kept 1', '/ahead']);
    const next = file.search(SCOPE, { limit: 9 }, before, 9).records.map(({ path }) => path);
    expect(next).toEqual(['/kept 2', '/kept 1', '/ahead']);
    for (const gone of ['/old 1', '/old 2', '/old 3']) expect(texts()).not.toContain(gone);
  });

  it('is not held up in forgetting by blocks from a clock that ran ahead', () => {
    const now = 100 * DAY;
    const batch = (time: number): AccessRecord[] => Array.from({ length: 900 }, () => newRecord({ time }));
    for (let i = 0; i < 10; i++) file.append(packRecords(batch(now + DAY)));
    for (let i = 0; i < 10; i++) file.append(packRecords(batch(now - 8 * DAY)));
    for (let more = true; more; ) more = file.prune(now);
    expect(blockCounts()).toEqual(new Array(10).fill(900));
    expect(search({ until: now })).toEqual([]);
  });

  it('goes on below a large block whose neighbours are gone', () => {
    const now = 100 * DAY;
    const long = (path: string, time: number, count: number): AccessRecord[] =>
      Array.from({ length: count }, (_, i) =>
        newRecord({ time, path: `${path}${i}/${randomBytes(1400).toString('hex')}` }),
      );
    file.append(packRecords([newRecord({ path: '/first', time: now })]));
    for (let i = 0; i < 3; i++)
      file.append(packRecords([...long(`/old${i}/`, now - 8 * DAY, 300), ...long(`/kept${i}/`, now, 600)]));
    for (let more = true; more; ) more = file.prune(now);
    const seen: string[] = [];
    for (let before: number | undefined, steps = 0; steps < 50; steps++) {
      const found = file.search(SCOPE, { limit: 7000 }, before, 7000);
      seen.push(...found.records.map(({ path }) => path.slice(0, 6)));
      before = found.before;
      if (before === undefined) break;
    }
    expect([seen.length, seen.at(-1)]).toEqual([1801, '/first']);
  });

  it('removes in time what it had set aside', () => {
    file.close();
    const aside = join(dir, 'access.db.old');
    writeFileSync(aside, 'of another version');
    file = open();
    file.prune(Date.now());
    expect(readdirSync(dir)).toContain('access.db.old');
    utimesSync(aside, 0, Date.now() / 1000 - 8 * 24 * 3600);
    file.prune(Date.now());
    expect(readdirSync(dir)).not.toContain('access.db.old');
  });

  it('never gives a sequence number twice, so that a place to go on at stays where it was', () => {
    const now = 100 * DAY;
    file.append(
      packRecords(Array.from({ length: 10 }, (_, i) => newRecord({ time: now - 8 * DAY, path: `/old/${i}` }))),
    );
    const { before } = file.search(SCOPE, { limit: 5 }, undefined, 5);
    file.prune(now);
    file.append(packRecords([newRecord({ time: now, path: '/new' })]));
    expect(file.search(SCOPE, { limit: 5 }, before, 5).records).toEqual([]);
    expect(paths()).toEqual(['/new']);
  });

  it('passes over a block that is damaged, and tells of all others', () => {
    const batch = (path: string): AccessRecord[] => Array.from({ length: 800 }, () => newRecord({ path }));
    for (const path of ['/a', '/b', '/c']) file.append(packRecords(batch(path)));
    const other = new DatabaseSync(join(dir, 'access.db'));
    const { data } = other.prepare('select data from blocks where last = 1600').get() ?? {};
    if (!(data instanceof Uint8Array)) throw new Error('no block');
    for (const cut of [data.subarray(0, data.length / 2), Buffer.alloc(100, 1), Buffer.alloc(0)]) {
      other.prepare('update blocks set data = ? where last = 1600').run(cut);
      expect([...new Set(paths({ limit: 2000 }))]).toEqual(['/c', '/a']);
    }
    other.close();
    file.append(packRecords([newRecord({ path: '/d' })]));
    expect(paths({ limit: 1 })).toEqual(['/d']);
  });

  it('looks into no block that is of another time', () => {
    for (let day = 1; day <= 5; day++)
      file.append(packRecords(Array.from({ length: 600 }, () => newRecord({ time: day * DAY, path: `/${day}` }))));
    const other = new DatabaseSync(join(dir, 'access.db'));
    other.exec("update blocks set data = x'00' where last != 1800");
    other.close();
    expect(new Set(paths({ since: 3 * DAY, until: 3 * DAY }))).toEqual(new Set(['/3']));
  });

  it('starts anew beside a file that is damaged or of another version', () => {
    file.append(packRecords([newRecord()]));
    file.close();
    writeFileSync(join(dir, 'access.db'), 'not a database, but long enough to be looked at'.repeat(100));
    file = open();
    expect(search()).toEqual([]);
    file.close();
    const other = new DatabaseSync(join(dir, 'access.db'));
    other.exec('pragma user_version = 99');
    other.close();
    file = open();
    expect(search()).toEqual([]);
    expect(readdirSync(dir)).toContain('access.db.old');
  });

  it('is readable by its owner only', () => {
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });
});
