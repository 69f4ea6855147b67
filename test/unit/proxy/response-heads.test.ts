import { describe, expect, it } from 'vitest';
import { KnownHeads } from '../../../edge/proxy/known-heads.ts';
import { parseResponseHead, type ResponseHead } from '../../../edge/proxy/response-head.ts';
import { ResponseHeads } from '../../../edge/proxy/response-heads.ts';

const known = new KnownHeads<ResponseHead, undefined>(parseResponseHead);
const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';

/** Feeds `text` in pieces of `size`; the statuses found, the bytes behind the last head, and the buffers used on the way. */
function feed(text: string, size: number): { statuses: readonly (number | string)[]; rest: string; buffers: number } {
  const bytes = Buffer.from(text, 'latin1');
  const heads = new ResponseHeads(known);
  const statuses: (number | string)[] = [];
  const buffers = new Set<Buffer>();
  let rest = '';
  for (let at = 0; at < bytes.length; at += size) {
    heads.add(bytes, at, Math.min(bytes.length, at + size));
    buffers.add(heads.buffer);
    for (let head = heads.next(); head !== 'more'; head = heads.next()) {
      statuses.push(typeof head === 'string' ? head : head.status);
      if (typeof head === 'string') return { statuses, rest: '', buffers: buffers.size };
      if (head.status >= 200) {
        rest = heads.buffer.toString('latin1', heads.at, heads.end) + text.slice(at + size);
        return { statuses, rest, buffers: buffers.size };
      }
    }
  }
  return { statuses, rest, buffers: buffers.size };
}

describe('response heads', () => {
  const text = `${INTERIM.repeat(3)}HTTP/1.1 200 OK\r\nX: ${'y'.repeat(3000)}\r\n\r\nbody`;

  it.each([1, 2, 3, 7, 50, 1000, 5000, 100_000])('are found in pieces of %i bytes', (size) => {
    const { statuses, rest } = feed(text, size);
    expect(statuses).toEqual([103, 103, 103, 200]);
    expect(rest).toBe('body');
  });

  it('are not copied anew for every piece', () => {
    const { statuses, buffers } = feed(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(60_000)}\r\n\r\n`, 1);
    expect(statuses).toEqual([200]);
    expect(buffers).toBeLessThan(12);
  });

  it('end at once where something else begins', () => {
    expect(feed('SSH-2.0-OpenSSH_9.7\r\n', 1).statuses).toEqual(['bad']);
    expect(feed(`${INTERIM}HTTQ`, 1).statuses).toEqual([103, 'bad']);
  });
});
