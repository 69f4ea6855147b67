import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DELIVERY, requestText, responseText } from '../../../edge/proxy/forward-head.ts';
import { KnownHeads } from '../../../edge/proxy/known-heads.ts';
import { publicHead } from '../../../edge/proxy/public-head.ts';
import { parseRequestHead, type RequestHead } from '../../../edge/proxy/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../../edge/proxy/response-head.ts';
import { headForTarget } from '../../../edge/proxy/target-head.ts';

let parsed: number;
let requests: KnownHeads<RequestHead, string>;
let responses: KnownHeads<ResponseHead, 'bad'>;

beforeEach(() => {
  parsed = 0;
  requests = new KnownHeads<RequestHead, string>((text) => {
    parsed++;
    return parseRequestHead(text);
  });
  responses = new KnownHeads<ResponseHead, 'bad'>((text) => parseResponseHead(text) ?? 'bad');
});

const request = (more = '', target = '/') => `GET ${target} HTTP/1.1\r\nHost: app.test\r\n${more}`;

/** Reads `text` as it would come: with other bytes around it. */
function read<H>(heads: { read(buffer: Buffer, start: number, end: number): H }, text: string): H {
  const bytes = Buffer.from(`before${text}\r\nbehind`, 'latin1');
  return heads.read(bytes, 6, 6 + text.length);
}

describe('heads that come again', () => {
  it('are read twice, and known from then on', () => {
    const heads = [1, 2, 3, 4].map(() => read(requests, request('X-Own: a\r\n')));
    expect(parsed).toBe(2);
    expect(heads[3]).toBe(heads[1]);
    expect(heads[3]).toEqual({ ...Object(heads[0]), recurs: true });
  });

  it('are told apart by any byte', () => {
    const base = request(`Accept: */*\r\nCookie: session=${'a'.repeat(300)}\r\nX-Own: b\r\n`);
    for (let at = 0; at < base.length; at++) {
      for (let i = 0; i < 3; i++) read(requests, base);
      const other = `${base.slice(0, at)}${base[at] === 'c' ? 'd' : 'c'}${base.slice(at + 1)}`;
      const found = read(requests, other);
      expect(typeof found === 'string' ? found : { ...found, recurs: false }).toEqual(parseRequestHead(other));
    }
  });

  it('are refused each time when they are wrong', () => {
    for (let i = 0; i < 4; i++) expect(read(requests, 'GET / HTTP/1.1\r\nX: no host\r\n')).toBe('request_malformed');
    for (let i = 0; i < 4; i++) expect(read(responses, 'HTTP/1.1 200 OK\r\nX : y\r\n')).toBe('bad');
    expect(requests.size + responses.size).toBe(0);
  });

  it('are forgotten when a second passes without them', () => {
    for (let i = 0; i < 3; i++) read(requests, request());
    requests.expire();
    expect(requests.size).toBe(1);
    read(requests, request());
    requests.expire();
    requests.expire();
    expect(requests.size).toBe(0);
    read(requests, request());
    expect(parsed).toBe(3);
  });

  it('are not remembered when they are long, and never more than fit', () => {
    for (let i = 0; i < 3; i++) read(requests, request(`X: ${'y'.repeat(3000)}\r\n`));
    expect(requests.size).toBe(0);
    for (let n = 0; n < 1000; n++) for (let i = 0; i < 3; i++) read(requests, request('', `/${n}`));
    expect(requests.size).toBeGreaterThan(50);
    expect(requests.size).toBeLessThanOrEqual(128);
  });

  it('are kept in memory of their own, not in a piece of more', () => {
    const bytes = Buffer.from(request());
    const compare = vi.spyOn(bytes, 'compare');
    for (let i = 0; i < 3; i++) requests.read(bytes, 0, bytes.length);
    const kept = compare.mock.calls[0]?.[0];
    expect(kept?.length).toBe(bytes.length);
    expect(kept?.buffer.byteLength).toBe(bytes.length);
  });
});

describe('heads that differ in one byte, whichever it is', () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
  const places = Array.from({ length: 300 }, (_, at) => at);
  const at = (place: number, letter: string) =>
    request(`X-Own: ${'-'.repeat(place)}${letter}${'-'.repeat(299 - place)}\r\n`);
  const known = (text: string): RequestHead | undefined => {
    const head = read(requests, text);
    return typeof head === 'object' && head.recurs ? head : undefined;
  };

  it('are not kept anew each time that there is another one', () => {
    for (const place of places) {
      requests = new KnownHeads<RequestHead, string>((text) => parseRequestHead(text));
      const kept = new Set<RequestHead | undefined>();
      for (let round = 0; round < 8; round++) for (const letter of letters) kept.add(known(at(place, letter)));
      expect(kept.size).toBeLessThan(2 * letters.length);
    }
  });

  it('give way to the one that comes from now on', () => {
    for (const place of places) {
      for (let i = 0; i < 50; i++) known(at(place, 'a'));
      for (let i = 0; i < 50; i++) known(at(place, 'b'));
      expect(known(at(place, 'b'))).toBeDefined();
    }
  });
});

/** A head that is known, and the same as it is read the first time. */
function both<H extends object>(heads: KnownHeads<H & { recurs: boolean }, string>, text: string): readonly [H, H] {
  const [first, , third] = [1, 2, 3].map(() => read(heads, text));
  if (typeof first !== 'object' || typeof third !== 'object') throw new Error('malformed');
  expect([first.recurs, third.recurs]).toEqual([false, true]);
  return [first, third];
}

describe('what is passed on of a head that came again', () => {
  it.each([
    '',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
    'TE: trailers\r\nConnection: TE\r\nX-Porthole-Hops: 2\r\n',
  ])('is to the byte what is passed on the first time: %j', (more) => {
    const [fresh, known] = both(requests, request(`X-Own: \xe9\r\n${more}`));
    for (const [host, about, id] of [
      ['a.test', 'X-Real-IP: 1.2.3.4\r\n', '1'],
      ['a.test', 'X-Real-IP: 5.6.7.8\r\n', '2'],
      ['b.test', 'X-Real-IP: 1.2.3.4\r\n', '3'],
      ['a.test', 'X-Real-IP: 1.2.3.4\r\n', '4'],
    ] as const)
      expect(requestText(known, host, about, id)).toBe(requestText(fresh, host, about, id));
  });

  it('is so of responses, however they are delivered', () => {
    const [fresh, known] = both(
      responses,
      'HTTP/1.1 426 Upgrade\r\nX-Own: \xe9\r\nUpgrade: x\r\nContent-Length: 7\r\n',
    );
    for (const close of [false, true, false])
      for (const delivery of Object.values(DELIVERY))
        expect(responseText(known, delivery, close)).toBe(responseText(fresh, delivery, close));
  });

  it('is what was made of it for a target or a visitor, not the head as it came', () => {
    const [, known] = both(requests, request('X-Own: a\r\n', '/api/x'));
    requestText(known, 'a.test', '', '1');
    const target = { prefix: '/api', options: undefined } as unknown as Parameters<typeof headForTarget>[1];
    expect(requestText(headForTarget(known, target), 'a.test', '', '1')).toContain('GET /x HTTP/1.1');
    const [, response] = both(responses, 'HTTP/1.1 302 Found\r\nLocation: http://localhost:3000/in\r\n');
    responseText(response, DELIVERY.LENGTH, false);
    const visit = {
      connection: { secure: true },
      route: { domain: 'app.test' },
      target: { prefix: '/', options: { names: { scheme: 'http', hosts: new Set(['localhost']), port: 3000 } } },
    } as unknown as Parameters<typeof publicHead>[1];
    const shown = publicHead(response, visit, 'app.test');
    expect(responseText(shown, DELIVERY.LENGTH, false)).toContain('Location: https://app.test/in');
  });
});
