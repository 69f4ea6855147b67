/** A short soak; `npm run soak` runs the long one. */
import { expect, it } from 'vitest';
import { soak } from '../soak/soak.ts';

it('gives nobody a byte of another while edge and agents are killed, and comes back each time', async () => {
  const { ledger, kills, recoveries } = await soak({ seconds: 15, seed: 9 });
  expect(ledger.wrong).toEqual([]);
  expect(kills.edge).toBeGreaterThan(0);
  expect(kills.agent).toBeGreaterThan(0);
  expect(recoveries.length).toBe(kills.edge + kills.agent);
  for (const kind of ['keep-alive', 'pipelined', 'http2', 'WebSocket', 'TCP'])
    expect(ledger.proved.get(kind), kind).toBeGreaterThan(5);
}, 180_000);
