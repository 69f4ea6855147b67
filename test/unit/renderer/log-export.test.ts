import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellQuote } from '../../../renderer/curl/command.ts';
import { curlOf } from '../../../renderer/log/curl.ts';
import { csvField, exportLine, headOf, readAll } from '../../../renderer/log/export.ts';
import { NO_FILTER } from '../../../renderer/log/filter.ts';
import type { Transport } from '../../../renderer/transport/transport.ts';
import type { LogQuery } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { failure } from '../../../shared/domain/failure.ts';

const line = (more: Partial<AccessRecord> = {}): AccessRecord => ({
  id: 'r1',
  time: Date.UTC(2026, 5, 1),
  kind: 'request',
  nodeId: 'n',
  protocol: 'http/1.1',
  secure: true,
  method: 'GET',
  host: 'app.example.com:8443',
  path: '/boats',
  status: 200,
  duration: 1.5,
  bytesUp: 0,
  bytesDown: 7,
  address: '203.0.113.7',
  ...more,
});

/** The words that a real shell makes of a command. */
const wordsOf = (command: string): string[] =>
  execFileSync('sh', ['-c', `set -- ${command}; for word; do printf '%s\\0' "$word"; done`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);

describe('a request as curl', () => {
  it.each<[Partial<AccessRecord>, string[]]>([
    [{}, ['curl', 'https://app.example.com:8443/boats']],
    [{ secure: false, host: '[::1]:80' }, ['curl', 'http://[::1]:80/boats']],
    [{ method: 'HEAD' }, ['curl', '--head', 'https://app.example.com:8443/boats']],
    [{ method: 'DELETE' }, ['curl', '-X', 'DELETE', 'https://app.example.com:8443/boats']],
    [{ path: '/a[1]{b}' }, ['curl', '--globoff', 'https://app.example.com:8443/a[1]{b}']],
    [{ path: '/a/../b' }, ['curl', '--path-as-is', 'https://app.example.com:8443/a/../b']],
    [{ path: '/a/%2E.?b' }, ['curl', '--path-as-is', 'https://app.example.com:8443/a/%2E.?b']],
    [{ path: '/...?b=/../' }, ['curl', 'https://app.example.com:8443/...?b=/../']],
    [
      { path: "/'$(touch x)`id`\\;&|<>!*", userAgent: 'it\'s $HOME "q"' },
      ['curl', '-A', 'it\'s $HOME "q"', "https://app.example.com:8443/'$(touch x)`id`\\;&|<>!*"],
    ],
    [
      { path: '/a\nb\u001b[31m', userAgent: 'x\r\ny' },
      ['curl', '--globoff', '-A', 'x  y', 'https://app.example.com:8443/a%0Ab%1B[31m'],
    ],
  ])('of %j is what a shell reads as %j', (more, words) => {
    expect(wordsOf(curlOf(line(more)) ?? '')).toEqual(words);
  });

  it('goes where the service is found', () => {
    expect(curlOf(line({ host: 'app.example.com' }), 'https://app.example.com:444/')).toBe(
      "curl 'https://app.example.com:444/boats'",
    );
  });

  it.each<Partial<AccessRecord>>([
    { protocol: 'tcp', kind: 'connection', method: '', path: '' },
    { method: 'GET;x' },
    { method: 'CONNECT' },
    { path: '*' },
    { host: 'a b' },
    { host: '-oProxy=$(x)@h' },
  ])('is not offered of %j', (more) => {
    expect(curlOf(line(more))).toBeUndefined();
  });

  it('quotes any text as one word', () => {
    for (const text of ['', "'", "''a'", '-x', '\\', '"$x"'])
      expect(wordsOf(`x ${shellQuote(text)}`)).toEqual(['x', text]);
  });
});

describe('a field of the CSV', () => {
  it.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    ['=1+1', "'=1+1"],
    ['=cmd|"/c x"', '"\'=cmd|""/c x"""'],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    [' =1', "' =1"],
    ['＝1', "'＝1"],
    [-1.5, '-1.5'],
    [true, 'true'],
    [undefined, ''],
  ])('%j is written %j', (value, written) => {
    expect(csvField(value)).toBe(written);
  });
});

/** A main with `count` lines, asked a page at a time. */
const mainOf = (count: number, asked: LogQuery[] = []): Pick<Transport, 'call'> => ({
  // Of the channels only the one that is asked matters here.
  call: (async (_: string, query: LogQuery) => {
    asked.push(query);
    const from = Number(query.cursor ?? 0);
    const to = Math.min(count, from + Number(query.limit ?? 100));
    const records = Array.from({ length: to - from }, (_, i) => line({ id: `r${from + i}` }));
    return { ok: true, value: { records, ...(to < count ? { cursor: String(to) } : {}) } };
  }) as unknown as Transport['call'],
});
const never = new AbortController().signal;

describe('an export', () => {
  it('has one JSON value a line, as the edge has it', () => {
    const record = line({ userAgent: 'two\nlines' });
    expect(JSON.parse(exportLine(record, 'jsonl'))).toEqual(record);
    expect(exportLine(record, 'jsonl').split('\n')).toHaveLength(2);
  });

  it('has a head and as many fields in each line of CSV', () => {
    const [head = '', row = ''] = [headOf('csv'), exportLine(line(), 'csv')].map((text) => text.trimEnd());
    expect(row.split(',')).toHaveLength(head.split(',').length);
    expect(row).toContain('2026-06-01T00:00:00.000Z');
    expect(headOf('jsonl')).toBe('');
  });

  it('reads every page of the filter, and tells how far it is', async () => {
    const asked: LogQuery[] = [];
    const progress: number[] = [];
    const filter = { ...NO_FILTER, status: '4xx' };
    const done = await readAll(mainOf(2500, asked), filter, 'jsonl', (n) => progress.push(n), never);
    expect(done).toMatchObject({ ok: true, count: 2500, cut: false });
    expect(progress).toEqual([1000, 2000, 2500]);
    expect(asked.map(({ cursor, status }) => [cursor, status])).toEqual([
      [undefined, '4xx'],
      ['1000', '4xx'],
      ['2000', '4xx'],
    ]);
    if (done.ok) expect(done.parts.join('').trimEnd().split('\n')).toHaveLength(2500);
  });

  it('ends at 100,000 lines and says so', async () => {
    const done = await readAll(mainOf(100_500), NO_FILTER, 'jsonl', () => undefined, never);
    expect(done).toMatchObject({ ok: true, count: 100_000, cut: true });
  });

  it('fails as its page fails, and gives up when it is told to', async () => {
    const refused = { ok: false, error: failure('busy') } as const;
    const main = { call: (async () => refused) as unknown as Transport['call'] };
    expect(await readAll(main, NO_FILTER, 'csv', () => undefined, never)).toEqual({
      ok: false,
      failure: refused.error,
    });
    const over = new AbortController();
    const read = readAll(mainOf(5000), NO_FILTER, 'csv', () => over.abort(), over.signal);
    expect(await read).toEqual({ ok: false, failure: undefined });
  });
});
