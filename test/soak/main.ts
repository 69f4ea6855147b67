/** `npm run soak`: load while edge and agents are killed. See `soak.ts`. */
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
if (!(minutes > 0 && minutes <= 24 * 60) || !Number.isInteger(seed)) {
  console.error('Usage: npm run soak -- [--minutes N] [--seed N]');
  process.exit(2);
}
console.log(`Soaking for ${minutes} min, seed ${seed}.`);
const { ledger, kills, recoveries } = await soak({ seconds: minutes * 60, seed, log: console.log });
const slowest = Math.max(0, ...recoveries);
console.log(`Kills: ${kills.edge} of the edge, ${kills.agent} of an agent; slowest recovery ${slowest.toFixed(0)} ms.`);
console.log(
  `Proved: ${[...ledger.proved].map(([kind, count]) => `${kind} ${count}`).join(', ')}; ${ledger.bytes} bytes.`,
);
console.log(`Failed as told: ${[...ledger.failed].map(([why, count]) => `${why} ${count}`).join(', ')}.`);
for (const wrong of ledger.wrong) console.error(`WRONG: ${wrong}`);
process.exit(ledger.wrong.length === 0 ? 0 : 1);
