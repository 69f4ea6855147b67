/** `npm run fuzz`: every parser that strangers reach, for as long as you like. The same seed does the same again. */
import { parseArgs } from 'node:util';
import { startRecorder } from '../differential/recorder.ts';
import { disagreements, leaks, mutatedRequests, tryRequests } from '../differential/request-trials.ts';
import { startStand } from '../differential/stand.ts';
import { type FuzzCase, FuzzFailure, runRound, runRounds } from './fuzz.ts';
import { HTTP1_CASES } from './http1.ts';
import { socketCases } from './sockets.ts';
import { WIRE_CASES } from './wire.ts';

/** The differential test with requests made by chance. */
const PEERS = 'peers';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string' },
    only: { type: 'string' },
    round: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
await using sockets = await socketCases();
const cases = [...HTTP1_CASES, ...WIRE_CASES, ...sockets.cases].filter(({ name }) => (values.only ?? name) === name);
const wantsPeers = values.only === undefined || values.only === PEERS;
if (!(seconds > 0) || !Number.isInteger(seed) || (cases.length === 0 && !wantsPeers)) {
  const names = [...HTTP1_CASES, ...WIRE_CASES, ...sockets.cases].map(({ name }) => name);
  console.error(`Usage: npm run fuzz -- [--seconds N] [--seed N] [--only ${[...names, PEERS].join('|')}] [--round N]`);
  process.exit(2);
}
console.log(`Fuzzing for ${seconds} s, seed ${seed}.`);
try {
  const share = (seconds * 1000) / (cases.length + (wantsPeers ? 1 : 0));
  for (const one of cases) await runCase(one, share);
  if (wantsPeers) await runPeers(share);
} catch (error) {
  if (!(error instanceof FuzzFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function runCase(one: FuzzCase, milliseconds: number): Promise<void> {
  if (values.round !== undefined) {
    console.log(`${one.name} ${values.round}: ${await runRound(one, seed, Number(values.round))}`);
    return;
  }
  const end = performance.now() + milliseconds;
  const { rounds, tally } = await runRounds(one, seed, () => performance.now() < end);
  console.log(`${one.name}: ${rounds} rounds (${[...tally].map(([what, count]) => `${what} ${count}`).join(', ')})`);
}

/** In batches, since every request is tried on eight fronts at once. */
async function runPeers(milliseconds: number): Promise<void> {
  await using recorder = await startRecorder();
  await using stand = await startStand('Node', recorder.port);
  const end = performance.now() + milliseconds;
  let batches = 0;
  for (; performance.now() < end; batches++) {
    const trials = await tryRequests(stand, recorder, mutatedRequests(seed + batches, 500));
    const found = [...disagreements(trials), ...leaks(trials)];
    if (found.length > 0) throw new FuzzFailure(PEERS, seed, batches, found.join('\n'));
  }
  console.log(`${PEERS}: ${batches} batches of 500 requests`);
}
