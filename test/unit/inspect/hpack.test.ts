import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../main/agent/inspect/hpack.ts';
import { huffmanText } from '../../../main/agent/inspect/huffman.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** A literal that is not to be indexed, with a new name. */
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);

const REQUESTS = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];
const DATES = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const place = ['location', 'https://www.example.com'];
const RESPONSES = [
  [[':status', '302'], ['cache-control', 'private'], ['date', DATES[0]], place],
  [[':status', '307'], ['cache-control', 'private'], ['date', DATES[0]], place],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', DATES[1]],
    place,
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];
/** The change of the table's size to 256 that the examples of responses take for granted. */
const SMALL = '3fe101';

describe('HPACK', () => {
  it.each([
    [
      'C.3, requests as they are',
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
      REQUESTS,
    ],
    [
      'C.4, requests by Huffman’s code',
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
      REQUESTS,
    ],
    [
      'C.5, responses that push fields out of the table',
      [
        `${SMALL}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
        '4803333037c1c0bf',
        '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      ],
      RESPONSES,
    ],
    [
      'C.6, the same by Huffman’s code',
      [
        `${SMALL}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
        '4883640effc1c0bf',
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      ],
      RESPONSES,
    ],
  ])('unpacks the examples of RFC 7541: %s', (_name, blocks, expected) => {
    const decoder = new HpackDecoder();
    expect(blocks.map((block) => decoder.decode(hex(block)))).toEqual(expected);
  });

  it.each([
    ['an index of nothing', '80'],
    ['an index past the table', 'be'],
    ['a string that ends early', '0003616263057a'],
    ['a number without an end', 'ffffffffffffff'],
    ['a table larger than is kept', '3fe2ff03'],
    ['a change of the table’s size in the middle', '8220'],
    ['a Huffman code that ends in the middle', `0082${'ff'.repeat(2)}00`],
  ])('refuses %s', (_name, block) => {
    expect(new HpackDecoder().decode(hex(block))).toBeUndefined();
  });

  it('unpacks no more than 256 KiB of a section, however small it was', () => {
    const value = 'x'.repeat(120);
    // 120 characters and 32 of overhead in the table; each reference to it is a byte.
    const add = Buffer.concat([
      Buffer.from([0x40, 1]),
      Buffer.from('a'),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
    const section = (references: number): Buffer => Buffer.concat([add, Buffer.alloc(references, 0xbe)]);
    expect(new HpackDecoder().decode(section(1000))).toHaveLength(1001);
    expect(new HpackDecoder().decode(section(2000))).toBeUndefined();
  });

  it('keeps the table as small as its sender says', () => {
    const decoder = new HpackDecoder();
    // Two fields of 34 bytes go into it, of which the older one leaves at 67.
    decoder.decode(hex('4001610162 4001630164'));
    expect(decoder.decode(hex('bebf'))).toEqual([
      ['c', 'd'],
      ['a', 'b'],
    ]);
    expect(decoder.decode(hex('3f24 be'))).toEqual([['c', 'd']]);
    expect(decoder.decode(hex('bf'))).toBeUndefined();
  });

  it('takes a literal that is never to be indexed', () => {
    expect(new HpackDecoder().decode(literal('password', 'secret'))).toEqual([['password', 'secret']]);
    expect(new HpackDecoder().decode(hex('100870617373776f726406736563726574'))).toEqual([['password', 'secret']]);
  });
});

describe('Huffman’s code', () => {
  it('fills up with ones, fewer than eight', () => {
    expect(huffmanText(hex('1f'), 0, 1)).toBe('a');
    for (const bad of ['1e', '1fff', 'ffffffff', '3fffffff'])
      expect(huffmanText(hex(bad), 0, bad.length / 2), bad).toBeUndefined();
  });
});
