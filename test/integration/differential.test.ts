/**
 * Where does a message end? Porthole, nginx, haproxy, Apache and Node are asked the same, in front of each other and side
 * by side: whatever Porthole takes, all others that take it must read as it does. See `test/differential`.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HOST } from '../differential/corpus.ts';
import { H2_CASES, type H2Trial, tryH2 } from '../differential/h2-trials.ts';
import { startOddOrigin } from '../differential/odd-origin.ts';
import { ECHO, type Recorder, startRecorder } from '../differential/recorder.ts';
import { REQUEST_CASES } from '../differential/request-corpus.ts';
import {
  compared,
  disagreements,
  leaks,
  mutatedRequests,
  type RequestTrial,
  taken,
  tryRequests,
} from '../differential/request-trials.ts';
import { RESPONSE_CASES } from '../differential/response-corpus.ts';
import { faults, outcomes, type ResponseTrial, tryResponses } from '../differential/response-trials.ts';
import { type Stand, startStand } from '../differential/stand.ts';
import { tcpOrigin } from '../support/direct.ts';

// Thousands of requests, each of which a busy machine needs time for.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

describe('a request', () => {
  let stand: Stand;
  let recorder: Recorder;
  let trials: readonly RequestTrial[];

  beforeAll(async () => {
    recorder = await startRecorder();
    stand = await startStand('Node', recorder.port);
    trials = await tryRequests(stand, recorder, REQUEST_CASES);
  });

  afterAll(async () => {
    await stand[Symbol.asyncDispose]();
    await recorder[Symbol.asyncDispose]();
  });

  it('is taken when it is in order', () => {
    const refused = trials.filter((trial) => trial.request.valid === true && !taken(trial));
    expect(refused.map(({ request }) => request.name)).toEqual([]);
  });

  it('ends for nginx, haproxy, Apache and Node where it ends for us, or is refused', () => {
    expect(disagreements(trials)).toEqual([]);
    expect(trials.length).toBeGreaterThan(900);
    expect(trials.filter((trial) => !taken(trial)).length).toBeGreaterThan(500);
    expect(compared(trials)).toBeGreaterThan(1000);
  });

  it('is noticed when another reader looks for its end elsewhere', async () => {
    await using sloppy = await startSloppyReader();
    const front = { name: 'sloppy', port: sloppy.port, host: HOST };
    const valid = REQUEST_CASES.filter((request) => request.valid === true);
    const found = disagreements(await tryRequests({ ours: stand.ours, theirs: [front] }, recorder, valid));
    expect(found.some((text) => text.startsWith('in order: chunks'))).toBe(true);
    expect(found.some((text) => text.startsWith('in order: a length\n'))).toBe(true);
  });

  it('that is refused ends the connection, and nothing of it or behind it reaches the origin', () => {
    expect(leaks(trials)).toEqual([]);
  });

  it('of 1,500 made by chance is read by all alike, or refused', async () => {
    const random = await tryRequests(stand, recorder, mutatedRequests(9112, 1500));
    expect(disagreements(random)).toEqual([]);
    expect(leaks(random)).toEqual([]);
    expect(compared(random)).toBeGreaterThan(300);
  });

  it('of HTTP/2 becomes the one that was sent, or none', async () => {
    const done = await tryH2(stand, recorder);
    expect(done.flatMap(h2Faults)).toEqual([]);
    expect(done.length).toBe(H2_CASES.length * stand.ours.length);
    expect(
      done.filter(({ reached }) => reached.some((asked) => asked.target.endsWith('/marker'))).length,
    ).toBeGreaterThan(200);
  });
});

/** Takes the end of every head for the end of its message. */
async function startSloppyReader(): Promise<{ readonly port: number } & AsyncDisposable> {
  return tcpOrigin((socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const [method = '', target = ''] = text.split(' ', 2);
        const asked = Buffer.from(JSON.stringify({ method, target, body: '' })).toString('base64');
        socket.write(`HTTP/1.1 200 OK\r\n${ECHO}: ${asked}\r\nContent-Length: 0\r\n\r\n`);
        text = text.slice(end + 4);
      }
    });
  });
}

function h2Faults({ h2, front, reached }: H2Trial): readonly string[] {
  const others = reached.filter((asked) => !asked.target.endsWith('/marker'));
  const sent = h2.data.join('');
  const whole =
    others.length <= 1 && others.every((asked) => asked.body === sent && !asked.target.includes('smuggled'));
  const arrived = h2.valid === undefined || others[0]?.body === h2.valid;
  return whole && arrived ? [] : [`${h2.name}, ${front.name}: ${JSON.stringify(reached)}`];
}

describe('a response', () => {
  let trials: readonly ResponseTrial[];

  beforeAll(async () => {
    await using origin = await startOddOrigin();
    await using stand = await startStand('origin', origin.port);
    trials = await tryResponses(stand, origin.port);
  });

  it('reaches the visitor as all read it, or as a 502, and the next one is its own', () => {
    expect(trials.flatMap(faults)).toEqual([]);
    expect(trials.length).toBe(RESPONSE_CASES.length);
    expect(trials.length).toBeGreaterThan(1000);
  });

  it('is refused when it is odd, and else passed on', () => {
    const { refused, relayed } = outcomes(trials);
    expect(refused).toBeGreaterThan(700);
    expect(relayed).toBeGreaterThan(80);
  });
});
