import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
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
    expect(() => file.append(packRecords(Array.from({ length: 5000 }, () => newRecord())))).toThrow(/full/);
    expect(paths()).toEqual(['/before']);
    file.append(packRecords([newRecord({ path: '/after' })]));
    expect(paths()).toEqual(['/after', '/before']);
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
