/**
 * Load, while edge and agents are killed with SIGKILL at random. Three promises are checked: no byte reaches anybody but
 * whom it was meant for, nothing that was cut looks whole, and after every kill all services are back within seconds.
 */
import { once } from 'node:events';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { type CliProcess, type Home, startCli, temporaryHome } from '../support/cli.ts';
import { run } from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { seededRandom } from '../support/random.ts';
import { type ProvingOrigin, provingHttp, provingTcp } from './origins.ts';
import { Ledger } from './proof.ts';
import { codeOf, HTTP_VISITS, type Published, TCP_VISITS, type Visit } from './visitors.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Told what happens, in a line. */
  readonly log?: (line: string) => void;
}

export interface SoakReport {
  readonly ledger: Ledger;
  readonly kills: { readonly edge: number; readonly agent: number };
  /** Milliseconds from a kill until every service answers again. */
  readonly recoveries: readonly number[];
}

const LAPTOPS = 2;
const HTTP_SERVICES = 3;
const VISITORS = 20;
/** Milliseconds in which everything must be back. Agents try again at least every 10 s. */
const RECOVERY = 45_000;
/** Milliseconds that a visitor may wait for one thing, whatever happens. */
const LONGEST = 40_000;

interface Laptop {
  readonly home: Home;
  agent: CliProcess;
}

/** Runs the soak; resolves when it is over. Throws when something does not come back. */
export async function soak({ seconds, seed, log = () => {} }: SoakOptions): Promise<SoakReport> {
  await using cleanup = new AsyncDisposableStack();
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const ledger = new Ledger();
  const edge = cleanup.use(new EdgeProcess('soak.test'));
  await edge.start();
  const laptops: Laptop[] = [];
  const web: Published[] = [];
  const tcp: Published[] = [];
  for (let at = 0; at < LAPTOPS; at++) {
    const laptop = await joined(edge);
    cleanup.defer(() => gone(laptop));
    laptops.push(laptop);
    for (let number = 0; number < HTTP_SERVICES; number++)
      web.push(await publish(edge, laptop, cleanup.use(await provingHttp(`web-${at}-${number}`, ledger)), []));
    tcp.push(await publish(edge, laptop, cleanup.use(await provingTcp(`tcp-${at}`, ledger)), ['--protocol', 'tcp']));
  }
  await allAnswer(web, performance.now());
  const until = performance.now() + seconds * 1000;
  const running = { on: true };
  const load = Array.from({ length: VISITORS }, (_, at) =>
    visit(web, tcp, ledger, seededRandom(seed + at + 1), running),
  );
  const kills = { edge: 0, agent: 0 };
  const recoveries: number[] = [];
  try {
    // On a slow machine a little longer: each is killed at least once.
    while (performance.now() < until || kills.edge === 0 || kills.agent === 0) {
      // Long enough for connections to get going, at some moment or other of what they do.
      await pause(500 + below(2_500));
      const killed = performance.now();
      const edgeIsNext = kills.agent > 0 && (kills.edge === 0 || below(2) === 0);
      const laptop = edgeIsNext ? undefined : laptops[below(LAPTOPS)];
      if (laptop === undefined) {
        kills.edge++;
        ledger.edgeKills++;
        await edge.kill();
        await pause(below(300));
        await edge.start();
      } else {
        kills.agent++;
        await killAgent(laptop);
        await pause(below(300));
        laptop.agent = startCli(laptop.home, ['up', '--json']);
      }
      recoveries.push(await allAnswer(web, killed));
      log(
        `${new Date().toISOString()} ${laptop === undefined ? 'edge' : 'agent'} killed, all back after ${recoveries.at(-1)?.toFixed(0)} ms; ${ledger.total} proved`,
      );
    }
  } finally {
    running.on = false;
    await Promise.all(load);
  }
  return { ledger, kills, recoveries };
}

async function joined(edge: EdgeProcess): Promise<Laptop> {
  const home = temporaryHome();
  const { httpsPort, fingerprint } = edge.ready;
  const args = ['join', `https://127.0.0.1:${httpsPort}`, '--token', await edge.token(), '--fingerprint', fingerprint];
  const { code, out, err } = await run(home, ...args);
  if (code !== 0) throw new Error(`${out}${err}`);
  const agent = startCli(home, ['up', '--json']);
  await agent.line();
  return { home, agent };
}

async function gone(laptop: Laptop): Promise<void> {
  await killAgent(laptop);
  await laptop.home[Symbol.asyncDispose]();
}

async function killAgent({ agent }: Laptop): Promise<void> {
  if (agent.child.exitCode === null && agent.child.signalCode === null) agent.child.kill('SIGKILL');
  await agent.ended();
}

async function publish(
  edge: EdgeProcess,
  laptop: Laptop,
  origin: ProvingOrigin,
  more: readonly string[],
): Promise<Published> {
  const added = await run(
    laptop.home,
    'services',
    'add',
    String(origin.port),
    '--name',
    origin.name,
    ...more,
    '--json',
  );
  if (added.code !== 0) throw new Error(`${added.out}${added.err}`);
  const { url, domain } = JSON.parse(added.out) as { readonly url: string; readonly domain: string };
  const port = more.length === 0 ? edge.ready.httpsPort : Number(new URL(url).port);
  return { name: origin.name, host: domain, port };
}

/** One visitor after another, for as long as the soak runs. */
async function visit(
  web: readonly Published[],
  tcp: readonly Published[],
  ledger: Ledger,
  random: () => number,
  running: { on: boolean },
): Promise<void> {
  const below = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T | undefined => items[below(items.length)];
  while (running.on) {
    const direct = below(6) === 0;
    const [service, come] = [pick(direct ? tcp : web), pick<Visit>(direct ? TCP_VISITS : HTTP_VISITS)];
    try {
      if (service !== undefined && come !== undefined) await inTime(come, service, ledger, below);
    } catch (error) {
      ledger.excuse(codeOf(error));
      // Whoever was just thrown out doesn't come back the same moment.
      await pause(below(50));
    }
  }
}

/** Whoever waits longer than anything here can take waits for something that never comes. */
async function inTime(come: Visit, service: Published, ledger: Ledger, below: (n: number) => number): Promise<void> {
  const late = Promise.withResolvers<void>();
  let stage = 'to begin';
  const began = new Date().toISOString();
  const timer = setTimeout(() => {
    ledger.accuse(`${come.name} at ${service.name} since ${began} waits in vain ${stage}`);
    late.resolve();
  }, LONGEST);
  const visit = come(service, ledger, below, (next) => {
    stage = next;
    timer.refresh();
  });
  visit.catch(() => {});
  try {
    await Promise.race([visit, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until every service answers; milliseconds since `from`. */
async function allAnswer(web: readonly Published[], from: number): Promise<number> {
  for (const service of web) {
    while (!(await answers(service))) {
      if (performance.now() - from > RECOVERY) throw new Error(`${service.name} is not back after ${RECOVERY} ms`);
      await pause(25);
    }
  }
  return performance.now() - from;
}

async function answers({ host, port, name }: Published): Promise<boolean> {
  const options = {
    host: '127.0.0.1',
    port,
    servername: host,
    rejectUnauthorized: false,
    agent: false,
    headers: { host },
  };
  const request = https.get({ ...options, path: '/ready?size=0', timeout: 2_000 });
  // `once` tells of errors until there is a response; what breaks afterwards has said enough.
  request.on('error', () => {}).on('timeout', () => request.destroy());
  try {
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    return response.headers['x-proof'] === `${name} ready`;
  } catch {
    return false;
  }
}
