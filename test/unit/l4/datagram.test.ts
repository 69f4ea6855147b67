import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DatagramQueue } from '../../../shared/node/datagram-queue.ts';
import type { StreamHandler } from '../../../shared/node/stream.ts';
import { DatagramReader, frameDatagram, MAX_DATAGRAM } from '../../../shared/wire/datagram.ts';
import { FakeStream } from '../../support/fake-tunnels.ts';

const framed = (...datagrams: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    datagrams.map((datagram) => {
      const into = new Uint8Array(datagram.length + 2);
      return into.subarray(0, frameDatagram(datagram, into));
    }),
  );

describe('datagrams in a stream', () => {
  const datagrams = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('hello'), randomBytes(300), Buffer.alloc(0)];
  const bytes = framed(...datagrams);

  it.each(Array.from({ length: 12 }, (_, i) => i + 1))('keep their boundaries in pieces of %i bytes', (size) => {
    const reader = new DatagramReader();
    const read: string[] = [];
    for (let at = 0; at < bytes.length; at += size)
      expect(
        reader.push(bytes, at, Math.min(bytes.length, at + size), (d) => read.push(Buffer.from(d).toString('hex'))),
      ).toBe(true);
    expect(read).toEqual(datagrams.map((d) => d.toString('hex')));
  });

  it('keep their boundaries however the stream is cut in two', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new DatagramReader();
      const read: number[] = [];
      reader.push(bytes, 0, cut, (d) => read.push(d.length));
      reader.push(bytes, cut, bytes.length, (d) => read.push(d.length));
      expect(read).toEqual([1, 0, 5, 300, 0]);
    }
  });

  it('are handed over as copies', () => {
    const source = framed(Buffer.from('mine'));
    let kept: Uint8Array = Buffer.alloc(0);
    new DatagramReader().push(source, 0, source.length, (d) => {
      kept = d;
    });
    source.fill(0);
    expect(Buffer.from(kept).toString()).toBe('mine');
  });

  it('are at most 65,507 bytes long', () => {
    const into = new Uint8Array(70_000);
    expect(frameDatagram(new Uint8Array(MAX_DATAGRAM), into)).toBe(MAX_DATAGRAM + 2);
    expect(() => frameDatagram(new Uint8Array(MAX_DATAGRAM + 1), into)).toThrow(RangeError);
    expect(new DatagramReader().push(Uint8Array.of(0xff, 0xe4), 0, 2, () => {})).toBe(false);
  });
});

describe('a queue of datagrams', () => {
  const handler: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

  it('drops the oldest while the stream takes nothing, and sends the rest in order', () => {
    const queue: { current?: DatagramQueue } = {};
    const stream = new FakeStream(1, { ...handler, onWritable: () => queue.current?.flush() });
    const sender = new DatagramQueue(stream);
    queue.current = sender;
    stream.reads = false;
    for (let i = 0; i < 2; i++) sender.send(Buffer.alloc(65_507));
    const excess = Array.from({ length: 300 }, (_, i) => sender.send(Buffer.from(String(i))));
    expect(sender.dropped).toBe(44);
    expect(excess.filter((e) => e !== undefined)).toEqual(new Array(44).fill('datagrams'));
    const before = stream.received.length;
    stream.drain();
    const read: string[] = [];
    const rest = Buffer.from(stream.received.slice(before), 'latin1');
    new DatagramReader().push(rest, 0, rest.length, (d) => read.push(Buffer.from(d).toString()));
    expect(read).toEqual(Array.from({ length: 256 }, (_, i) => String(i + 44)));
  });

  it('keeps half a mebibyte at most', () => {
    const stream = new FakeStream(1, handler);
    const sender = new DatagramQueue(stream);
    stream.reads = false;
    const excess = Array.from({ length: 20 }, () => sender.send(Buffer.alloc(60_000)));
    // Two went into the stream, eight wait.
    expect(sender.dropped).toBe(10);
    expect(excess.filter((e) => e !== undefined)).toEqual(new Array(10).fill('bytes'));
  });
});
