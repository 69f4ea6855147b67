import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../edge/limits.ts';
import { type ClientHello, ClientHelloReader } from '../../../edge/listen/client-hello.ts';
import { alpn, hello, helloMessage, join, record, serverName, text, vector8, vector16 } from './hello-bytes.ts';

const read = (...parts: readonly Uint8Array[]): ReturnType<ClientHelloReader['push']> => {
  const reader = new ClientHelloReader();
  for (const part of parts) {
    const answer = reader.push(part);
    if (answer !== undefined) return answer;
  }
  return undefined;
};

/** A small generator with a fixed seed (xorshift), so that a failure can be seen again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const plain: ClientHello = { serverName: 'app.example.com', alpn: ['h2', 'http/1.1'] };
const bytes = hello({ extensions: [serverName('App.Example.COM.'), alpn('h2', 'http/1.1')] });

/** What Node's own TLS client sends. */
function nodeHello(servername: string, protocols: string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const socket = connect({ socket: wire, servername, ALPNProtocols: protocols });
    socket.on('error', () => {});
  });
}

describe('ClientHelloReader', () => {
  it('reads name and protocols, folding case and the trailing dot', () => {
    expect(read(bytes)).toEqual(plain);
  });

  it('reads what a real client sends', async () => {
    expect(read(await nodeHello('one.example', ['porthole/1']))).toEqual({
      serverName: 'one.example',
      alpn: ['porthole/1'],
    });
    expect(read(await nodeHello('one.example', ['porthole/1+w3', 'porthole/1']))).toMatchObject({ worker: 3 });
    expect(read(await nodeHello('', []))).toEqual({ serverName: undefined, alpn: [] });
  });

  it('reads a hello without extensions', () => {
    expect(read(hello({ bare: true }))).toEqual({ serverName: undefined, alpn: [] });
  });

  it('skips extensions that it has no use for, GREASE protocols among them', () => {
    const grease = vector16(join(vector8(Uint8Array.of(0xaa, 0xaa)), vector8(text('h2'))));
    const extensions = [
      [0x0a0a, new Uint8Array(0)],
      serverName('a.b'),
      [16, grease],
      [21, new Uint8Array(300)],
    ] as const;
    expect(read(hello({ extensions }))).toEqual({ serverName: 'a.b', alpn: ['', 'h2'] });
  });

  it('gives the same answer at every split into two segments', () => {
    for (let at = 1; at < bytes.length; at++) expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(plain);
  });

  it('gives the same answer byte by byte', () => {
    expect(read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(plain);
  });

  it('gives the same answer at every split into two records', () => {
    const message = helloMessage({ extensions: [serverName('app.example.com'), alpn('h2', 'http/1.1')] });
    for (let at = 1; at < message.length; at++)
      expect(read(join(record(message.subarray(0, at)), record(message.subarray(at))))).toEqual(plain);
  });

  it('gives the same answer with a record a byte', () => {
    const message = helloMessage({ extensions: [serverName('app.example.com'), alpn('h2', 'http/1.1')] });
    expect(read(join(...Array.from(message, (byte) => record(Uint8Array.of(byte)))))).toEqual(plain);
  });

  it('takes no notice of what follows the message', () => {
    expect(read(join(bytes, new Uint8Array(40_000)))).toEqual(plain);
    const message = helloMessage({ extensions: [serverName('a.b')] });
    expect(read(record(join(message, text('more'))))).toEqual({ serverName: 'a.b', alpn: [] });
  });

  it('asks for more as long as the message is not whole', () => {
    for (let at = 0; at < bytes.length; at++) expect(read(bytes.subarray(0, at))).toBeUndefined();
  });

  it.each([
    ['plain HTTP', text('GET / HTTP/1.1\r\n'), 'not_tls'],
    ['an SSL 2 hello', Uint8Array.of(0x80, 0x2e, 1, 0, 2), 'not_tls'],
    ['a TLS alert first', record(Uint8Array.of(2, 40), 21), 'not_tls'],
    ['an impossible version', Uint8Array.of(22, 9, 9), 'not_tls'],
    ['an empty record', record(new Uint8Array(0)), 'malformed'],
    ['a record longer than records may be', Uint8Array.of(22, 3, 1, 0x40, 1), 'malformed'],
    ['another handshake message', record(Uint8Array.of(2, 0, 0, 0)), 'malformed'],
    ['another record type half-way', join(record(helloMessage().subarray(0, 9)), record(text('x'), 23)), 'malformed'],
    ['a declared length beyond the limit', record(Uint8Array.of(1, 0, 0x40, 0)), 'too_large'],
    ['a declared length of 16 MiB', record(Uint8Array.of(1, 255, 255, 255)), 'too_large'],
    ['no cipher suites', hello({ suites: new Uint8Array(0) }), 'malformed'],
    ['a session id of 33 bytes', hello({ sessionId: new Uint8Array(33) }), 'malformed'],
    ['two names', hello({ extensions: [serverName('a.b'), serverName('c.d')] }), 'malformed'],
    ['an empty name', hello({ extensions: [serverName('')] }), 'malformed'],
    ['a name with a NUL', hello({ extensions: [serverName('a\0.b')] }), 'malformed'],
    ['a name with a slash', hello({ extensions: [serverName('a/b')] }), 'malformed'],
    ['a name list cut short', hello({ extensions: [[0, Uint8Array.of(0, 9, 0)]] }), 'malformed'],
    ['an empty protocol list', hello({ extensions: [[16, vector16(new Uint8Array(0))]] }), 'malformed'],
    ['an empty protocol', hello({ extensions: [alpn('')] }), 'malformed'],
    ['a protocol cut short', hello({ extensions: [[16, vector16(Uint8Array.of(9, 1))]] }), 'malformed'],
  ])('refuses %s', (_, sent, answer) => {
    expect(read(sent)).toBe(answer);
  });

  it('stops counting record headers against patience: a dribble of tiny records ends at the limit', () => {
    const message = helloMessage({ extensions: [[21, new Uint8Array(12_000)]] });
    expect(read(join(...Array.from(message, (byte) => record(Uint8Array.of(byte)))))).toBe('too_large');
  });

  it('takes a message of nearly the limit', () => {
    const padding = DEFAULT_LIMITS.helloSize - 200;
    const answer = read(hello({ extensions: [serverName('a.b'), [21, new Uint8Array(padding)]] }));
    expect(answer).toEqual({ serverName: 'a.b', alpn: [] });
  });

  it('survives every single corrupted byte and random bytes, with an answer of a known kind', () => {
    const next = random(0x5eed);
    for (let round = 0; round < 20_000; round++) {
      const copy = Uint8Array.from(bytes);
      const changes = 1 + next(3);
      for (let i = 0; i < changes; i++) copy[next(copy.length)] = next(256);
      const at = next(copy.length);
      const answer = read(copy.subarray(0, at), copy.subarray(at));
      if (typeof answer === 'string') expect(['not_tls', 'malformed', 'too_large']).toContain(answer);
      else if (answer?.serverName !== undefined) expect(answer.serverName).toMatch(/^[a-z0-9._-]*$/);
      expect(read(copy)).toEqual(answer);
    }
  });
});
