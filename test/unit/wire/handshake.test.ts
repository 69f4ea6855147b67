import { describe, expect, it } from 'vitest';
import { HEADER } from '../../../shared/wire/frame.ts';
import {
  askedWorker,
  decodeHello,
  decodeWelcome,
  encodeHello,
  encodeWelcome,
  type Hello,
  MOST_NODES,
  type Welcome,
  workerAlpn,
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

  it('carries what a carrier of a link says, both ways', () => {
    const carrier = { ...hello, link: 'f'.repeat(32), grows: true };
    expect(decodeHello(encodeHello(carrier).subarray(HEADER))).toEqual({ ok: true, value: carrier });
    const nodes = Array.from({ length: MOST_NODES }, (_, i) => ({ id: `${i}`.repeat(64), address: 'h'.repeat(261) }));
    const place = { ...welcome, carriers: 8, carrier: 3, workers: 2, worker: 1, nodes };
    expect(decodeWelcome(encodeWelcome(place).subarray(HEADER))).toEqual({ ok: true, value: place });
  });

  it.each([
    ['an empty link', { link: '' }],
    ['a link that is too long', { link: 'x'.repeat(65) }],
    ['a link with a space', { link: 'with a space' }],
    ['a link that is a number', { link: 12345678 }],
    ['growth in text', { grows: 'yes' }],
  ])('refuses a hello with %s', (_, part) => {
    expect(decodeHello(json({ ...hello, name: 'x', ...part }))).toEqual({ ok: false, error: 'malformed' });
  });

  it.each([
    ['no carrier number', { carriers: 8 }],
    ['no carriers', { carriers: 0, carrier: 0 }],
    ['more carriers than anybody needs', { carriers: 65, carrier: 0 }],
    ['a negative carrier', { carriers: 8, carrier: -1 }],
    ['no workers', { carriers: 8, carrier: 0, workers: 0 }],
    ['a worker beyond the last', { carriers: 8, carrier: 0, workers: 2, worker: 2 }],
    ['nodes that are no list', { carriers: 8, carrier: 0, nodes: {} }],
    ['too many nodes', { carriers: 8, carrier: 0, nodes: Array(9).fill({ id: 'n', address: 'h:1' }) }],
    ['a node without address', { carriers: 8, carrier: 0, nodes: [{ id: 'n' }] }],
  ])('refuses a welcome with %s', (_, part) => {
    expect(decodeWelcome(json({ ...welcome, ...part }))).toEqual({ ok: false, error: 'malformed' });
  });

  it.each([
    [workerAlpn(0), 0],
    [workerAlpn(255), 255],
    ['porthole/1+w256', undefined],
    ['porthole/1+w01', undefined],
    ['porthole/1+w', undefined],
    ['porthole/1+w1+w2', undefined],
    ['porthole/2+w1', undefined],
    ['porthole/1', undefined],
  ])('takes %s for worker %s', (alpn, worker) => {
    expect(askedWorker(alpn)).toBe(worker);
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
