import { describe, expect, it } from 'vitest';
import { isOpen, type LogFilter, NO_FILTER, passes, toQuery } from '../../../renderer/log/filter.ts';
import { createLogStore, type LogView, receive, release } from '../../../renderer/log/log-store.ts';
import { indexOfLine, lineKey, mergeLines } from '../../../renderer/log/merge.ts';
import { stepFrom } from '../../../renderer/log/step.ts';
import { splitTime } from '../../../renderer/log/time-split.ts';
import type { Connection, Transport } from '../../../renderer/transport/transport.ts';
import { type LogBatch, type LogQuery, logQuerySchema } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';

const line = (time: number, more: Partial<AccessRecord> = {}): AccessRecord => ({
  id: `r${String(time).padStart(6, '0')}`,
  time,
  kind: 'request',
  nodeId: 'n',
  serviceId: 's1',
  protocol: 'http/1.1',
  secure: true,
  method: 'GET',
  host: 'app.localhost',
  path: `/${time}`,
  status: 200,
  duration: 10,
  bytesUp: 0,
  bytesDown: 0,
  address: '203.0.113.7',
  ...more,
});
const times = (lines: readonly AccessRecord[]): readonly number[] => lines.map(({ time }) => time);

describe('merging lines', () => {
  it('puts lines where their time says, newest first, each once', () => {
    const merged = mergeLines([line(9), line(5), line(1)], [line(5), line(7), line(10), line(0)]);
    expect(times(merged)).toEqual([10, 9, 7, 5, 1, 0]);
  });

  it('keeps the opening and the closing of one connection', () => {
    const merged = mergeLines([line(1, { kind: 'open' })], [line(1, { kind: 'close' })]);
    expect(merged.map(({ kind }) => kind)).toEqual(['close', 'open']);
  });

  it('drops the oldest beyond the bound', () => {
    expect(times(mergeLines([line(3), line(2), line(1)], [line(4)], 3))).toEqual([4, 3, 2]);
  });

  it('yields the very same lines when nothing was new', () => {
    const lines = [line(2), line(1)];
    expect(mergeLines(lines, [line(1)])).toBe(lines);
  });

  it('agrees with sorting everything at once, for 200 random batches', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    let lines: readonly AccessRecord[] = [];
    const all = new Map<string, AccessRecord>();
    for (let round = 0; round < 200; round++) {
      const batch = Array.from({ length: random(6) }, () => line(random(500)));
      for (const record of batch) all.set(lineKey(record), record);
      lines = mergeLines(lines, batch);
    }
    expect(times(lines)).toEqual([...all.values()].map(({ time }) => time).sort((a, b) => b - a));
  });
});

describe('the filter', () => {
  it('looks for text in path, host, address and browser, whatever the case', () => {
    const record = line(1, { path: '/Login', userAgent: 'Firefox' });
    for (const text of ['login', 'APP.local', '113.7', 'fox', ' login '])
      expect(passes(record, { ...NO_FILTER, text })).toBe(true);
    expect(passes(record, { ...NO_FILTER, text: 'post' })).toBe(false);
    expect(passes(record, { ...NO_FILTER, service: 's2' })).toBe(false);
  });

  it('asks the edge only for what is set', () => {
    expect(toQuery(NO_FILTER, 200)).toEqual({ limit: 200 });
    expect(toQuery({ ...NO_FILTER, service: 's1', text: ' a ' }, 5, 'c')).toEqual({
      limit: 5,
      service: 's1',
      text: 'a',
      cursor: 'c',
    });
  });
});

describe('a filter of the log', () => {
  const record = line(50, {
    status: 404,
    method: 'POST',
    path: '/Api/Boats',
    country: 'DE',
    user: 'ada@example.com',
    auth: 'sso',
    observed: 'crowdsec_ban',
    failure: 'no_target',
  });

  it.each<[Partial<LogFilter>, boolean]>([
    [{ status: '404' }, true],
    [{ status: '4xx' }, true],
    [{ status: '40' }, false],
    [{ status: '5xx' }, false],
    [{ method: 'post' }, true],
    [{ method: 'GET' }, false],
    [{ path: 'api/b' }, true],
    [{ address: '203.0.113.7' }, true],
    [{ address: '203.0.113' }, false],
    [{ country: 'de' }, true],
    [{ country: 'AT' }, false],
    [{ user: 'ADA@' }, true],
    [{ user: 'bob' }, false],
    [{ auth: 'sso' }, true],
    [{ auth: 'no_target' }, true],
    [{ auth: 'crowdsec_ban' }, true],
    [{ auth: 'pin' }, false],
    [{ since: '50', until: '50' }, true],
    [{ since: '51' }, false],
    [{ until: '49' }, false],
    [{ status: '4xx', country: 'AT' }, false],
  ])('that is %j lets the line through: %s', (wish, expected) => {
    expect(passes(record, { ...NO_FILTER, ...wish })).toBe(expected);
  });

  it('is understood by the edge, whatever is in it', () => {
    const full: LogFilter = { ...NO_FILTER, status: '4xx', auth: 'pin', country: 'DE', since: '5', until: '9' };
    expect(logQuerySchema.parse(toQuery(full, 10))).toEqual({
      limit: 10,
      status: '4xx',
      auth: 'pin',
      country: 'DE',
      since: 5,
      until: 9,
    });
    expect(isOpen(full)).toBe(false);
    expect(isOpen({ ...NO_FILTER, text: ' ' })).toBe(true);
  });
});

describe('a long log', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => line(200_000 - i));

  it('takes live lines in without looking at all of it, and finds a line in it', () => {
    const reads = { count: 0 };
    const watched = new Proxy(many, {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads.count++;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    expect(indexOfLine(watched, line(150_000))).toBe(50_000);
    expect(indexOfLine(watched, line(1))).toBe(-1);
    expect(reads.count).toBeLessThan(100);
    const merged = mergeLines(many, [line(200_001), line(199_999)]);
    expect(times(merged).slice(0, 3)).toEqual([200_001, 200_000, 199_999]);
    expect(merged).toHaveLength(100_000);
    expect(mergeLines(many, [line(1)])).toBe(many);
  });
});

const view = (more: Partial<LogView> = {}): LogView => ({
  lines: [line(1)],
  held: [],
  reading: false,
  paused: false,
  filter: NO_FILTER,
  cursor: undefined,
  loading: false,
  known: true,
  failure: undefined,
  dropped: 0,
  ...more,
});

describe('live lines', () => {
  it('enter at once while the top is in view', () => {
    expect(times(receive(view(), { records: [line(2)], dropped: 0 }).lines)).toEqual([2, 1]);
  });

  it.each(['reading', 'paused'] as const)('wait while the reader is %s, and then go in where they belong', (how) => {
    const before = view({ [how]: true });
    const held = receive(before, { records: [line(2), line(3)], dropped: 0 });
    expect(held.lines).toBe(before.lines);
    expect(times(held.held)).toEqual([3, 2]);
    expect(times(release(held).lines)).toEqual([3, 2, 1]);
  });

  it('that the filter keeps out are kept out, but what was dropped is counted', () => {
    const after = receive(view({ filter: { ...NO_FILTER, service: 's2' }, dropped: 2 }), {
      records: [line(2)],
      dropped: 3,
    });
    expect(times(after.lines)).toEqual([1]);
    expect(after.dropped).toBe(5);
  });
});

/** A main whose log is `records`, answered a page of two at a time, by hand. */
function main(records: readonly AccessRecord[]) {
  const asked: { readonly query: LogQuery; readonly answer: () => void }[] = [];
  let push: (batch: LogBatch) => void = () => undefined;
  // The store uses three of the transport's five members.
  let become: (connection: Connection) => void = () => undefined;
  const transport = {
    onConnection: (listener: (connection: Connection) => void) => {
      become = listener;
      listener('open');
      return () => undefined;
    },
    on: (_: string, listener: (batch: LogBatch) => void) => {
      push = listener;
      return () => undefined;
    },
    call: (_: string, query: LogQuery) =>
      new Promise((resolve) => {
        const from = Number(query.cursor ?? 0);
        const page = records.filter((r) => r.path.includes(query.text ?? '')).slice(from, from + 2);
        const value = { records: page, ...(from + 2 < records.length ? { cursor: String(from + 2) } : {}) };
        asked.push({ query, answer: () => resolve({ ok: true, value }) });
      }),
  } as unknown as Transport;
  return {
    asked,
    log: createLogStore(transport),
    push: (batch: LogBatch) => push(batch),
    become: (connection: Connection) => become(connection),
  };
}

describe('the log store', () => {
  it('joins the first page with live lines that came while it was read', async () => {
    const { asked, log, push } = main([line(3), line(2), line(1)]);
    const done = log.refresh();
    push({ type: 'records', records: [line(4), line(3)], dropped: 0 });
    asked[0]?.answer();
    await done;
    expect(times(log.store.getState().lines)).toEqual([4, 3, 2]);
  });

  it('starts over after the connection was away, since lines were missed', async () => {
    const { asked, log, become } = main([line(3)]);
    const first = log.refresh();
    asked[0]?.answer();
    await first;
    become('lost');
    expect(times(log.store.getState().lines)).toEqual([3]);
    become('open');
    expect(log.store.getState()).toMatchObject({ lines: [], known: false });
  });

  it('reads older pages until there are none', async () => {
    const { asked, log } = main([line(3), line(2), line(1)]);
    const first = log.refresh();
    asked[0]?.answer();
    await first;
    const second = log.older();
    asked[1]?.answer();
    await second;
    expect(times(log.store.getState().lines)).toEqual([3, 2, 1]);
    await log.older();
    expect(asked).toHaveLength(2);
  });

  it('forgets the answer to a filter that was changed meanwhile', async () => {
    const { asked, log } = main([line(3), line(2), line(1)]);
    const first = log.refresh();
    log.setFilter({ ...NO_FILTER, text: '1' });
    asked[1]?.answer();
    asked[0]?.answer();
    await first;
    expect(times(log.store.getState().lines)).toEqual([1]);
  });

  it('shows what was held back when the reader returns to the top, unless the log is paused', () => {
    const { log, push } = main([]);
    log.setReading(true);
    log.setPaused(true);
    push({ type: 'records', records: [line(5)], dropped: 0 });
    log.setReading(false);
    expect(log.store.getState().lines).toEqual([]);
    log.setPaused(false);
    expect(times(log.store.getState().lines)).toEqual([5]);
  });
});

describe('the keys of the log', () => {
  it.each([
    ['ArrowDown', -1, 0],
    ['ArrowDown', 9, 9],
    ['ArrowUp', 0, 0],
    ['PageDown', 2, 7],
    ['PageUp', 2, 0],
    ['Home', 5, 0],
    ['End', 5, 9],
    ['a', 5, undefined],
    ['toString', 5, undefined],
  ])('lead with %s from line %i to %s', (key, from, to) => {
    expect(stepFrom(key, from, 10, 5)).toBe(to);
  });
});

describe('the time split', () => {
  it('is edge, tunnel, origin, and the rest of the response', () => {
    const parts = splitTime(line(1, { duration: 20, firstByte: 10, edge: 1, tunnel: 2, origin: 7 }));
    expect(parts.map(({ name, ms }) => [name, ms])).toEqual([
      ['edge', 1],
      ['tunnel', 2],
      ['origin', 7],
      ['transfer', 10],
    ]);
  });

  it('is empty when no answer was sent, and leaves out what took no time', () => {
    expect(splitTime(line(1))).toEqual([]);
    expect(splitTime(line(1, { duration: 5, firstByte: 5, edge: 5 })).map(({ name }) => name)).toEqual(['edge']);
  });
});
