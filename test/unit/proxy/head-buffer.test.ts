import { describe, expect, it } from 'vitest';
import { FIELD, FieldTable } from '../../../edge/proxy/fields.ts';
import { findHeadEnd } from '../../../edge/proxy/head-buffer.ts';

/** All texts of `length` letters. */
function* texts(letters: string, length: number): Generator<string> {
  if (length === 0) yield '';
  else for (const rest of texts(letters, length - 1)) for (const letter of letters) yield letter + rest;
}

describe('findHeadEnd', () => {
  it('finds the first empty line in every text of CR, LF and a letter, from wherever the search goes on', () => {
    for (const text of texts('\r\na', 8)) {
      const buffer = Buffer.from(`\r\n${text}\r\n\r\n`);
      const found = text.indexOf('\r\n\r\n');
      for (let searched = 2; searched <= 6; searched += 2) {
        // What was searched before held no end.
        if (found >= 0 && found + 4 + 2 <= searched) continue;
        const end = findHeadEnd(buffer, 2, 10, searched);
        if (found < 0) expect(end, JSON.stringify(text)).toBeTypeOf('string');
        else expect(end, JSON.stringify(text)).toBe(found + 4 + 2);
      }
    }
  });

  it('sees nothing of what lies behind the end in a buffer that is used again', () => {
    const buffer = Buffer.from('GET / HTTP/1.1\r\n\r\nold: \r\n\r\n');
    expect(findHeadEnd(buffer, 0, 17, 0)).toBe('more');
    expect(findHeadEnd(buffer, 0, 18, 17)).toBe(18);
  });

  it('takes a head of exactly the limit, and none that is a byte longer', () => {
    const head = Buffer.from(`${'a'.repeat(96)}\r\n\r\n`);
    expect(findHeadEnd(head, 0, 100, 0, 100)).toBe(100);
    expect(findHeadEnd(head, 0, 100, 0, 99)).toBe('too_large');
    expect(findHeadEnd(head, 0, 99, 0, 99)).toBe('more');
  });
});

describe('a table of field names', () => {
  const table = new FieldTable([
    ['host', FIELD.HOST],
    ['te', FIELD.TE],
    ['x-client-ip', FIELD.DROP],
    ['cf-pseudo-ipv4', FIELD.DROP],
  ]);
  const names = ['host', 'Host', 'HOST', 'hos', 'hosts', 'hist', 'te', 'Te', 't', '', 'X-Client-IP', 'x_client_ip'];

  it.each([...names, 'cf-pseudo-ipv4', 'CF-Pseudo-IPv4', 'cf-pseudo-ipvT', '`ost', 'h\x4fst', 'HO\x33T'])(
    'knows %j in the middle of a text as well as by itself',
    (name) => {
      expect(table.at(`a: b\r\n${name}: c\r\n`, 6, 6 + name.length)).toBe(table.get(name.toLowerCase()));
    },
  );
});
