import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { createSocketSink } from '../../../shared/node/socket-sink.ts';
import type { Lease } from '../../../shared/node/stream.ts';
import { type SocketPair, socketPair, type Transport } from '../../support/socket-pair.ts';

const pairs: SocketPair[] = [];

afterEach(() => {
  for (const pair of pairs.splice(0)) pair.close();
});

async function sockets(transport: Transport): Promise<SocketPair> {
  const pair = await socketPair(transport);
  pairs.push(pair);
  return pair;
}

class Loan implements Lease {
  held = 0;
  readonly scarce: boolean;

  constructor(scarce = false) {
    this.scarce = scarce;
  }

  hold(): void {
    this.held++;
  }

  release(): void {
    this.held--;
  }
}

/** Counts what is consumed, and lets a test wait for it. */
class Owner {
  total = 0;
  #waiting: { readonly total: number; readonly resolve: () => void }[] = [];

  consumed(n: number): void {
    this.total += n;
    this.#waiting = this.#waiting.filter(({ total, resolve }) => {
      if (this.total < total) return true;
      resolve();
      return false;
    });
  }

  reach(total: number): Promise<void> {
    if (this.total >= total) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ total, resolve }));
  }
}

describe.each(['tcp', 'tls'] as const)('a socket sink over %s', (transport) => {
  it('writes text, small and large slices in order', async () => {
    const { accepted, dialled } = await sockets(transport);
    const owner = new Owner();
    const loan = new Loan();
    const sink = createSocketSink(accepted);
    const large = Buffer.alloc(100_000, 'l');
    const chunks: Buffer[] = [];
    dialled.on('data', (chunk: Buffer) => chunks.push(chunk));
    sink.writeWhole(Buffer.from('head \xe9 ', 'latin1'), 0, owner);
    sink.write(Buffer.from('..small..'), 2, 7, loan, owner);
    sink.write(large, 0, large.length, loan, owner);
    sink.write(Buffer.from('!'), 0, 1, loan, owner);
    sink.writeWhole(Buffer.from('both yz'), 2, owner);
    sink.end();
    await once(dialled, 'end');
    expect(Buffer.concat(chunks).toString('latin1')).toBe(`head \xe9 small${'l'.repeat(100_000)}!both yz`);
    await owner.reach(100_008);
    expect([owner.total, loan.held]).toEqual([100_008, 0]);
  });

  it('consumes nothing that the system has not taken, and all of it in the end', async () => {
    const { accepted, dialled } = await sockets(transport);
    dialled.pause();
    const owner = new Owner();
    const loan = new Loan();
    const drained = Promise.withResolvers<void>();
    const sink = createSocketSink(accepted, drained.resolve);
    const slice = Buffer.alloc(256 * 1024, 'x');
    for (let i = 0; i < 100; i++) sink.write(slice, 0, slice.length, loan, owner);
    await once(dialled, 'readable');
    expect(owner.total).toBeLessThan(100 * slice.length);
    expect(loan.held).toBeGreaterThan(0);
    expect(sink.pending).toBeGreaterThan(0);
    dialled.on('data', () => {});
    await owner.reach(100 * slice.length);
    await drained.promise;
    expect([owner.total, loan.held, sink.pending]).toEqual([100 * slice.length, 0, 0]);
  });

  it('copies rather than holds when buffers are scarce', async () => {
    const { accepted, dialled } = await sockets(transport);
    const owner = new Owner();
    const loan = new Loan(true);
    const sink = createSocketSink(accepted);
    const slice = Buffer.alloc(64 * 1024, 'x');
    const chunks: Buffer[] = [];
    dialled.on('data', (chunk: Buffer) => chunks.push(chunk));
    sink.write(slice, 0, slice.length, loan, owner);
    expect(loan.held).toBe(0);
    slice.fill('y');
    sink.end();
    await once(dialled, 'end');
    expect(Buffer.concat(chunks).includes('y')).toBe(false);
  });

  it('settles every debt when the socket dies', async () => {
    const { accepted, dialled } = await sockets(transport);
    dialled.pause();
    const owner = new Owner();
    const loan = new Loan();
    const sink = createSocketSink(accepted);
    accepted.on('error', () => accepted.destroy());
    const slice = Buffer.alloc(256 * 1024);
    for (let i = 0; i < 100; i++) sink.write(slice, 0, slice.length, loan, owner);
    accepted.destroy();
    await owner.reach(100 * slice.length);
    expect(loan.held).toBe(0);
    sink.write(slice, 0, slice.length, loan, owner);
    expect([owner.total, loan.held]).toEqual([101 * slice.length, 0]);
  });
});
