import { describe, expect, it } from 'vitest';
import { HEADER } from '../../../shared/wire/frame.ts';
import {
  decodeHello,
  decodeWelcome,
  encodeHello,
  encodeWelcome,
  type Hello,
  type Welcome,
} from '../../../shared/wire/handshake.ts';

const hello: Hello = { protocol: 1, agentId: 'a1', credential: 'pha_x', version: '0.1.0', name: 'Zoë’s 💻' };
const welcome: Welcome = { protocol: 1, nodeId: 'n1', version: '0.1.0', maxStreams: 4096 };
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe('handshake', () => {
  it('carries a hello in printable ASCII and back', () => {
    const payload = encodeHello(hello).subarray(HEADER);
    expect(payload.every((byte) => byte >= 32 && byte < 127)).toBe(true);
    expect(decodeHello(payload)).toEqual({ ok: true, value: hello });
  });

  it('carries a welcome and back', () => {
    expect(decodeWelcome(encodeWelcome(welcome).subarray(HEADER))).toEqual({ ok: true, value: welcome });
  });

  it('ignores members that it does not know', () => {
    expect(decodeHello(json({ ...hello, name: 'x', extra: { a: 1 } }))).toEqual({
      ok: true,
      value: { ...hello, name: 'x' },
    });
  });

  it('names another protocol version before it looks at anything else', () => {
    expect(decodeHello(json({ protocol: 2 }))).toEqual({ ok: false, error: 'version' });
    expect(decodeWelcome(json({ protocol: 0, nodeId: 5 }))).toEqual({ ok: false, error: 'version' });
  });

  it.each([
    ['no JSON', Buffer.from('hello')],
    ['an array', json([1])],
    ['null', json(null)],
    ['a string', json('x')],
    ['bytes outside of ASCII', Buffer.from(JSON.stringify({ ...hello, name: 'é' }))],
    ['a control character', Buffer.from('{"protocol":1,\n"x":1}')],
    ['no protocol', json({ ...hello, protocol: undefined })],
    ['a protocol in text', json({ ...hello, protocol: '1' })],
    ['no agent id', json({ ...hello, name: 'x', agentId: undefined })],
    ['an empty credential', json({ ...hello, name: 'x', credential: '' })],
    ['a credential that is too long', json({ ...hello, name: 'x', credential: 'x'.repeat(257) })],
    ['a name that is no text', json({ ...hello, name: {} })],
  ])('refuses a hello of %s', (_, payload) => {
    expect(decodeHello(payload)).toEqual({ ok: false, error: 'malformed' });
  });

  it.each([0, 1.5, 65_537, '8', undefined])('refuses a welcome with %s streams', (maxStreams) => {
    expect(decodeWelcome(json({ ...welcome, maxStreams }))).toEqual({ ok: false, error: 'malformed' });
  });

  it('does not read a prototype for a member', () => {
    expect(decodeHello(Buffer.from('{"__proto__":{"protocol":1}}'))).toEqual({ ok: false, error: 'malformed' });
  });
});
