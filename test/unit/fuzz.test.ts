/** A short run of every fuzz case with a fixed seed; `npm run fuzz` runs them for longer, with a seed of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FuzzCase, runRounds } from '../fuzz/fuzz.ts';
import { HTTP1_CASES } from '../fuzz/http1.ts';
import { type SocketCases, socketCases } from '../fuzz/sockets.ts';
import { WIRE_CASES } from '../fuzz/wire.ts';

const SEED = 20_261_121;

async function run(fuzzCase: FuzzCase, rounds: number): Promise<void> {
  const { tally } = await runRounds(fuzzCase, SEED, (round) => round < rounds);
  // A case in which everything comes to the same end proves nothing.
  expect([...tally.keys()].length).toBeGreaterThan(1);
}

describe('what strangers send, changed at random', () => {
  let sockets: SocketCases;

  beforeAll(async () => {
    sockets = await socketCases();
  });

  afterAll(async () => {
    await sockets[Symbol.asyncDispose]();
  });

  it.each(HTTP1_CASES)('is read as its oracle reads it, or refused: $name', (fuzzCase) => run(fuzzCase, 300));

  it.each(WIRE_CASES)('is read the same in all pieces, or refused: $name', (fuzzCase) => run(fuzzCase, 500));

  it.each([0, 1, 2])('leaves a server standing: number %i', async (number) => {
    const fuzzCase = sockets.cases[number];
    if (fuzzCase === undefined) throw new Error('no such case');
    await run(fuzzCase, 60);
  });
});
