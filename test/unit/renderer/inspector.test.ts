import { describe, expect, it } from 'vitest';
import { bytesOf, fileNameOf, formFields, hexLines, kindOf, prettyJson } from '../../../renderer/inspector/body.ts';
import { curlOf } from '../../../renderer/inspector/curl.ts';
import { editOf, fieldsOf } from '../../../renderer/inspector/replay-edit.ts';
import { timingParts } from '../../../renderer/inspector/timing.ts';
import { EMPTY, MOST, NO_FILTER, passes, receive, shownOf } from '../../../renderer/inspector/view.ts';
import {
  type ExchangeDetail,
  type ExchangeSummary,
  type InspectedBody,
  MASK,
} from '../../../shared/contract/inspect.ts';

const body = (content: string | Buffer, type?: string, more: Partial<InspectedBody> = {}): InspectedBody => ({
  ...(type === undefined ? {} : { type }),
  size: Buffer.from(content).length,
  cut: false,
  base64: Buffer.from(content).toString('base64'),
  ...more,
});

const summary = (id: number, more: Partial<ExchangeSummary> = {}): ExchangeSummary => ({
  id,
  serviceId: 'shop',
  time: 0,
  method: 'GET',
  path: '/',
  state: 'done',
  requestBytes: 0,
  responseBytes: 0,
  ...more,
});

const detail = (content = body(''), more: Partial<ExchangeSummary> = {}): ExchangeDetail => ({
  summary: summary(1, { method: 'POST', path: '/a?b=1', ...more }),
  target: 'http://localhost:3000',
  request: {
    headers: [
      { name: 'Host', value: 'x' },
      { name: 'X-A', value: "it's" },
      { name: 'Authorization', value: `Bearer ${MASK}`, masked: true },
    ],
    body: content,
  },
  timing: {},
});

describe('a body', () => {
  it.each([
    ['{"a":1}', 'application/json', 'json'],
    ['{"a":', 'application/problem+json', 'text'],
    ['[1]', undefined, 'json'],
    ['a=1&b=2', 'application/x-www-form-urlencoded', 'form'],
    ['<svg onload="alert(1)"/>', 'image/svg+xml', 'text'],
    ['<script>alert(1)</script>', 'text/html', 'text'],
    [Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'image/png', 'image'],
    [Buffer.from([0, 1, 2, 255]), 'application/octet-stream', 'hex'],
    [Buffer.from([0xff, 0xfe]), undefined, 'hex'],
    ['plain', undefined, 'text'],
    ['x', 'text/plain; charset=no-such-thing', 'hex'],
    ['', 'text/plain', 'empty'],
  ] as const)('%j of type %s is shown as %s', (content, type, kind) => {
    const made = body(content, type);
    expect(kindOf(made, bytesOf(made))).toBe(kind);
  });

  it('is no picture and no text when it is packed or a picture cut off', () => {
    const packed = body('hello', 'text/plain', { packed: true });
    expect(kindOf(packed, bytesOf(packed))).toBe('hex');
    const cut = body('hello', 'image/png', { cut: true });
    expect(kindOf(cut, bytesOf(cut))).toBe('hex');
  });

  it('keeps every digit and every string of its JSON', () => {
    const text = '{"n":12345678901234567890.10,"s":"a{b,\\"c:d}","e":[],"o":{},"l":[1,true]}';
    expect(prettyJson(text)).toBe(
      '{\n  "n": 12345678901234567890.10,\n  "s": "a{b,\\"c:d}",\n  "e": [],\n  "o": {},\n  "l": [\n    1,\n    true\n  ]\n}',
    );
    expect(prettyJson('['.repeat(5000) + ']'.repeat(5000)).length).toBeLessThan(2_000_000);
  });

  it('is decoded as a form, written as hex, and saved under a name of ours', () => {
    expect(formFields('a=1+2&a=%C3%BC&=x')).toEqual([
      ['a', '1 2'],
      ['a', 'ü'],
      ['', 'x'],
    ]);
    expect(hexLines(new Uint8Array([65, 0, 255]), 2)).toMatch(/^000000 {2}41 00 +A·$/);
    expect(fileNameOf(7, 'response', body('x', 'text/html'))).toBe('response-7.txt');
    expect(fileNameOf(7, 'request', body('x', 'image/png'))).toBe('request-7.png');
    expect(fileNameOf(7, 'request', body('x', 'application/x-sh'))).toBe('request-7.bin');
  });
});

describe('the list', () => {
  it('replaces what changed, drops what is gone, and holds what is newer while it is read', () => {
    const first = receive(EMPTY, { changed: [summary(1), summary(2)], gone: [], unreadable: [], before: [] });
    const held = { ...first, upTo: 2 };
    const next = receive(held, {
      changed: [summary(3), summary(1, { status: 500 })],
      gone: [2],
      unreadable: ['x'],
      before: [],
    });
    expect(next.exchanges.map(({ id, status }) => [id, status])).toEqual([
      [3, undefined],
      [1, 500],
    ]);
    expect(shownOf(next).map(({ id }) => id)).toEqual([1]);
    const many = Array.from({ length: 300 }, (_, i) => summary(i + 10));
    expect(receive(next, { changed: many, gone: [], unreadable: [], before: [] }).exchanges).toHaveLength(MOST);
  });

  it('is filtered by text, service, method and status', () => {
    const one = summary(1, { path: '/Api', status: 404, type: 'text/html' });
    const fits = (filter: object): boolean => passes(one, { ...NO_FILTER, ...filter });
    expect([{}, { text: 'api' }, { text: 'html' }, { status: '4' }, { method: 'GET' }].map(fits)).not.toContain(false);
    expect([{ text: 'b' }, { status: 'none' }, { method: 'PUT' }, { service: 'x' }].map(fits)).not.toContain(true);
  });
});

describe('sending again', () => {
  it('sends a body along only when it was changed, or has to be new', () => {
    const before = fieldsOf(detail(body('hello')));
    expect(before.headers).toBe(`Host: x\nX-A: it's\nAuthorization: Bearer ${MASK}`);
    const same = editOf(before, before, false);
    expect(same).toMatchObject({ ok: true, edit: { method: 'POST', path: '/a?b=1' } });
    expect(same.ok && 'body' in same.edit).toBe(false);
    expect(editOf({ ...before, body: 'ü' }, before, false)).toMatchObject({ edit: { body: 'w7w=' } });
    expect(editOf(before, before, true)).toMatchObject({ edit: { body: 'aGVsbG8=' } });
    expect(fieldsOf(detail(body(Buffer.from([0, 255])))).body).toBeUndefined();
  });

  it('says which field is wrong', () => {
    const before = fieldsOf(detail());
    expect(editOf({ ...before, headers: 'no colon' }, before, false)).toEqual({ ok: false, field: 'headers' });
    expect(editOf({ ...before, body: 'x'.repeat(200_000) }, before, false)).toEqual({ ok: false, field: 'body' });
  });

  it('is a command for a shell with nothing hidden in it, where that is possible', () => {
    expect(curlOf(detail(body("it's")), 'https://shop.example.com/')).toBe(
      `curl -X POST -H 'X-A: it'\\''s' -H 'Authorization: Bearer ${MASK}' --data-raw 'it'\\''s' 'https://shop.example.com/a?b=1'`,
    );
    expect(curlOf(detail(body('\x1b[2J', 'text/plain')), 'https://x')).toBeUndefined();
    expect(curlOf(detail(body('half', 'text/plain', { cut: true })), 'https://x')).toBeUndefined();
    expect(curlOf(detail(body(''), { method: 'G;T' }), 'https://x')).toBeUndefined();
    expect(curlOf(detail(body('x'), { method: 'HEAD' }), 'https://x')).toBeUndefined();
  });

  it.each(['/a/../b', '/a/..?b', '/./'])('asks for %s itself, not for what curl would make of it', (path) => {
    expect(curlOf(detail(body(''), { method: 'GET', path }), 'https://x')).toMatch(/^curl --path-as-is /);
  });
});

it('splits the time of an exchange', () => {
  expect(timingParts({ connect: 2, requestEnd: 1, responseStart: 10, end: 12 })).toEqual([
    { name: 'connect', ms: 2 },
    { name: 'wait', ms: 8 },
    { name: 'receive', ms: 2 },
  ]);
  expect(timingParts({ requestEnd: 1 })).toEqual([]);
});
