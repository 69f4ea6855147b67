import { describe, expect, it } from 'vitest';
import { encodeProxyHeader, MAX_PROXY_HEADER, type ProxyHeader, parseProxyHeader } from '../../../edge/proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const v1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const v2 = (hex: string): Buffer => Buffer.from(SIGNATURE + hex.replaceAll(' ', ''), 'hex');
const LONG = '20'.repeat(521);
const TLV = '03 0004 aabbccdd';

const HEADERS: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['v1 TCP4', v1('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'), '192.0.2.1 56324'],
  ['v1 TCP6', v1('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n'), '2001:db8::1 1'],
  ['v1 TCP6, mapped', v1('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n'), '192.0.2.1 1'],
  ['v1 UNKNOWN', v1('PROXY UNKNOWN\r\n'), undefined],
  ['v1 UNKNOWN with words', v1('PROXY UNKNOWN what ever 1 2 3 4 5\r\n'), undefined],
  ['v2 TCP4', v2('21 11 000c c0000201 c6336401 dc04 01bb'), '192.0.2.1 56324'],
  ['v2 TCP4 and a TLV', v2(`21 11 0013 c0000201 c6336401 dc04 01bb ${TLV}`), '192.0.2.1 56324'],
  [
    'v2 TCP6',
    v2(`21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 0001 0002`),
    '2001:db8::1 1',
  ],
  ['v2 LOCAL', v2('20 00 0000'), undefined],
  ['v2 LOCAL with what it says', v2('20 11 000c c0000201 c6336401 dc04 01bb'), undefined],
  ['v2 UNSPEC', v2('21 00 0000'), undefined],
  ['v2 UNIX', v2(`21 31 00d8 ${'2f'.repeat(216)}`), undefined],
  ['v2, the longest', v2(`21 00 0208 ${'00'.repeat(520)}`), undefined],
];

describe('a PROXY protocol header', () => {
  it.each(HEADERS)('is read: %s', (_, bytes, source) => {
    const header = parseProxyHeader(Buffer.concat([bytes, Buffer.from('rest')])) as ProxyHeader;
    expect(header.length).toBe(bytes.length);
    expect(header.source && `${header.source.address} ${header.source.port}`).toBe(source);
  });

  it.each(HEADERS)('asks for more at every point before its end: %s', (_, bytes) => {
    for (let length = 0; length < bytes.length; length++)
      expect(parseProxyHeader(bytes.subarray(0, length))).toBeUndefined();
  });

  it.each([
    ['v1 without CR', v1('PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n')],
    ['v1 too long', v1(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
    ['v1 of another family', v1('PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n')],
    ['v1 with an IPv4 address as TCP6', v1('PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['v1 with a bad address', v1('PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n')],
    ['v1 with a bad port', v1('PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n')],
    ['v1 with a leading zero', v1('PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n')],
    ['v1 with more', v1('PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n')],
    ['v1 with two spaces', v1('PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n')],
    ['v1 with too little', v1('PROXY TCP4 192.0.2.1\r\n')],
    ['v1 of an unknown protocol', v1('PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n')],
    ['v2 of version 3', v2('31 11 000c c0000201 c6336401 dc04 01bb')],
    ['v2 of an unknown command', v2('22 11 000c c0000201 c6336401 dc04 01bb')],
    ['v2 too short for its family', v2('21 11 000b c0000201 c6336401 dc04 01')],
    ['v2 with datagrams', v2('21 12 000c c0000201 c6336401 dc04 01bb')],
    ['v2 of an unknown family', v2('21 41 0000')],
    ['v2 past the bound', v2(`21 00 0209 ${LONG}`)],
  ])('is refused: %s', (_, bytes) => {
    expect(parseProxyHeader(bytes)).toBe('malformed');
  });

  it.each(['GET / HTTP/1.1\r\n', 'PROXX TCP4', '\r\n\r\nX', 'proxy tcp4', '\x16\x03\x01', 'X'])(
    'is told from %j',
    (text) => {
      expect(parseProxyHeader(Buffer.from(text, 'latin1'))).toBe('absent');
    },
  );

  it('is never longer than the bound', () => {
    for (const [, bytes] of HEADERS) expect(bytes.length).toBeLessThanOrEqual(MAX_PROXY_HEADER);
  });
});

describe('a written header', () => {
  it.each([
    ['192.0.2.1', '198.51.100.1', '21 11 000c c0000201 c6336401 dc04 01bb'],
    [
      '2001:db8::1',
      '2001:db8::2',
      '21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 01bb',
    ],
    [
      '192.0.2.1',
      '2001:db8::2',
      '21 21 0024 00000000000000000000ffffc0000201 20010db8000000000000000000000002 dc04 01bb',
    ],
    ['', '198.51.100.1', '21 00 0000'],
  ])('from %s to %s has the bytes of the specification', (source, destination, hex) => {
    const bytes = encodeProxyHeader({ address: source, port: 56324 }, { address: destination, port: 443 });
    expect(Buffer.from(bytes).toString('hex')).toBe(v2(hex).toString('hex'));
  });

  it('is read again', () => {
    const bytes = encodeProxyHeader({ address: '2001:db8::7', port: 9 }, { address: '::1', port: 1 });
    expect(parseProxyHeader(bytes)).toEqual({ source: { address: '2001:db8::7', port: 9 }, length: bytes.length });
  });
});
