/**
 * Two services of one laptop behind a slow path: how long a small request for one of them takes while many downloads of
 * the other keep the path full, against the same straight to the origin through the same path.
 */
import http from 'node:http';
import https from 'node:https';

/** One end that can be asked: an origin, or a service of it. */
export interface Door {
  readonly host: string;
  readonly port: number;
  /** By TLS, asking for this name. */
  readonly name?: string;
}

export interface Beside {
  /** Milliseconds of the small requests, sorted; one that failed counts as `GIVEN_UP`. */
  readonly times: readonly number[];
  readonly failed: number;
  /** Megabytes a second of the downloads. */
  readonly rate: number;
  readonly broken: number;
}

/** Small requests are asked so often, one after the other's beginning, not its end; milliseconds. */
const EVERY = 200;
const GIVEN_UP = 60_000;
/** Small requests begin once the downloads are under way. */
const SETTLED = 5_000;

/** Asks `modest` for something small, again and again for `seconds`, beside `downloads` of `greedy` at a time. */
export async function askBeside(modest: Door, greedy: Door, downloads: number, seconds: number): Promise<Beside> {
  const agent = agentFor(greedy, downloads);
  const end = new AbortController();
  let bytes = 0;
  let broken = 0;
  const loop = async (): Promise<void> => {
    while (!end.signal.aborted)
      if (!(await ask(greedy, '/large', agent, end.signal, (length) => (bytes += length))) && !end.signal.aborted) {
        broken++;
        await rest(EVERY);
      }
  };
  const loops = Array.from({ length: downloads }, loop);
  await rest(SETTLED);
  const before = bytes;
  const started = performance.now();
  const asked: Promise<number>[] = [];
  while (performance.now() - started < seconds * 1000) {
    asked.push(timed(modest));
    await rest(EVERY);
  }
  const rate = (bytes - before) / (performance.now() - started) / 1000;
  const times = (await Promise.all(asked)).sort((a, b) => a - b);
  end.abort();
  agent.destroy();
  await Promise.all(loops);
  return { times, failed: times.filter((time) => time === GIVEN_UP).length, rate, broken };
}

const rest = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));

const agentFor = ({ name }: Door, maxSockets: number): http.Agent =>
  name === undefined
    ? new http.Agent({ keepAlive: true, maxSockets })
    : new https.Agent({ keepAlive: true, maxSockets, servername: name, rejectUnauthorized: false });

async function timed(door: Door): Promise<number> {
  const agent = agentFor(door, 1);
  const started = performance.now();
  const done = await ask(door, '/small', agent, AbortSignal.timeout(GIVEN_UP), () => undefined);
  agent.destroy();
  return done ? performance.now() - started : GIVEN_UP;
}

/** Whether the answer came, whole, with 200. */
function ask(
  { host, port, name }: Door,
  path: string,
  agent: http.Agent,
  signal: AbortSignal,
  onBytes: (length: number) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const over = (): void => resolve(false);
    const options = { host, port, path, agent, signal, ...(name === undefined ? {} : { headers: { host: name } }) };
    const request = (name === undefined ? http : https).get(options, (response) => {
      response.on('data', (chunk: Buffer) => onBytes(chunk.length));
      response.once('close', () => resolve(response.complete && response.statusCode === 200));
      response.once('error', over);
    });
    request.once('error', over);
  });
}
