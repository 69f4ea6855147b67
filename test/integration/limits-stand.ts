/** Bounds of a real edge, set low by `--limit`: what drives each, and what is asserted of all. */
import { readdirSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { LIMIT_NAMES, type LimitName, parseLimit, settingName } from '../../edge/limits.ts';
import type { JoinReply } from '../../shared/contract/control-api.ts';
import {
  EMBEDDED,
  joinEdge,
  linkLaptop,
  probe,
  publish,
  type RunningEdge,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

/** Settings that no test drives over their bounds from outside, and why. */
const NOT_DRIVEN = {
  udpUnsent:
    'The system takes every datagram to loopback at once, so none waits to be sent. test/unit/l4/udp-relay.test.ts ' +
    'has it say that some do.',
} as const satisfies Partial<Readonly<Record<LimitName, string>>>;

/** Which `limits-….test.ts` drives each setting over its bound. */
const DRIVEN = {
  connections: 'connections',
  connectionsPerAddress: 'connections',
  connectionsPerService: 'connections',
  helloTime: 'connections',
  helloSize: 'connections',
  handshakeTime: 'connections',

  headerSize: 'http',
  headerFields: 'http',
  headerTime: 'http',
  idleTime: 'http',
  bodyIdleTime: 'http',
  bodyRate: 'http',
  readIdleTime: 'http',
  requestsPerTarget: 'load',
  requestsPerTargetAndAddress: 'load',
  upgradesPerTarget: 'load',
  cancelsPerTarget: 'load',
  visitorMemory: 'load',

  h2Streams: 'http2',
  h2Resets: 'http2',
  h2ResetRate: 'http2',
  h2ControlRate: 'http2',
  h2OverheadRate: 'http2',
  h2Held: 'http2',

  agentHandshakes: 'connections',
  agentHandshakesPerAddress: 'connections',
  streamsPerTunnel: 'agents',
  carriersPerTunnel: 'agents',
  memoryPerTunnel: 'agents',
  servicesPerAgent: 'agents',
  exposuresPerAgent: 'agents',

  udpSessionsPerService: 'udp',
  udpSessionsPerAddress: 'udp',
  udpNewSessionsPerSecond: 'udp',
  udpQueue: 'udp',
  udpQueueSize: 'udp',
} as const satisfies Readonly<Record<Exclude<LimitName, keyof typeof NOT_DRIVEN>, string>>;

type Driven = keyof typeof DRIVEN;
export type Subject = (typeof DRIVEN)[Driven];
type NamesOf<S extends Subject> = { [N in Driven]: (typeof DRIVEN)[N] extends S ? N : never }[Driven];

/** An edge with limits of its own, started when it is first asked for. */
export class LimitedEdge {
  readonly limits: ReadonlyMap<LimitName, number>;
  readonly #args: readonly string[];
  readonly #stack = new AsyncDisposableStack();
  #started: Promise<RunningEdge> | undefined;
  #joined: Promise<JoinReply> | undefined;
  #laptop: Promise<unknown> | undefined;

  /** Ends with the test file. Connections from loopback may say by a PROXY header where they come from. */
  constructor(...limits: readonly string[]) {
    this.#args = [...EMBEDDED, '--trusted-proxy', '127.0.0.1/32', ...limits.flatMap((limit) => ['--limit', limit])];
    this.limits = new Map(
      limits.map((limit) => {
        const [setting = '', value = ''] = limit.split('=');
        const parsed = parseLimit(setting, value);
        if (!parsed.ok) throw new Error(parsed.error);
        return parsed.value;
      }),
    );
    afterAll(() => this.#stack.disposeAsync());
  }

  start(): Promise<RunningEdge> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<RunningEdge> {
    const folder = this.#stack.use(temporaryFolder());
    return this.#stack.use(await startEdge(folder.path, this.#args));
  }

  /** Lets something end when the edge does, before it. */
  defer(end: () => void | Promise<void>): void {
    this.#stack.defer(end);
  }

  /** The agent that has joined it. */
  joined(): Promise<JoinReply> {
    this.#joined ??= this.start().then((edge) => joinEdge(edge, edge.ready.joinToken ?? ''));
    return this.#joined;
  }

  /** Publishes `port` under `subdomain`, through a laptop that dials what it is asked for. */
  async publish(subdomain: string, port: number): Promise<void> {
    const [edge, joined] = await Promise.all([this.start(), this.joined()]);
    this.#laptop ??= linkLaptop(edge, joined);
    await this.#laptop;
    await publish(edge, joined, subdomain, [{ port }]);
  }
}

/** What `make` makes of 0, 1, and so on, `count` at once. */
export const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** How one setting is driven over its bound. */
export interface Drive {
  readonly edge: LimitedEdge;
  /** What is seen by whoever goes beyond it. */
  readonly seen: string;
  /** Goes beyond it, and asserts what is seen there. */
  readonly go: (edge: RunningEdge) => Promise<void>;
  /** How often it refuses at least; 3 unless told. */
  readonly times?: number;
  /** What the line in the log says of who it was. */
  readonly told?: Readonly<Record<string, unknown>>;
  /** It is counted nowhere, for a reason that docs/limits.md gives. */
  readonly uncounted?: true;
}

/** Refusals at `bound` so far, by the metrics. */
export async function refused(edge: RunningEdge, bound: LimitName): Promise<number> {
  const { body } = await probe(edge, '/metrics');
  const found = new RegExp(`^porthole_refused_total\\{bound="${settingName(bound)}"\\} (\\d+)$`, 'm').exec(body);
  return Number(found?.[1]);
}

interface Line {
  readonly bound: string;
  readonly refused: number;
}

/** What the log says of `bound`, line by line. */
export const linesOf = (edge: RunningEdge, bound: LimitName): readonly Line[] =>
  edge
    .log()
    .split('\n')
    .filter((line) => line.includes('"a bound was reached"'))
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.bound === settingName(bound));

/** Drives `name` over its bound: it is seen there, counted under its name, and told in few lines. */
async function driveOver(
  name: LimitName,
  { edge: limited, go, times = 3, told = {}, uncounted }: Drive,
): Promise<void> {
  const edge = await limited.start();
  const startedAt = performance.now();
  expect([await refused(edge, name), linesOf(edge, name)]).toEqual([0, []]);
  await go(edge);
  if (uncounted) {
    expect([await refused(edge, name), linesOf(edge, name)]).toEqual([0, []]);
    return;
  }
  await expect.poll(() => refused(edge, name)).toBeGreaterThanOrEqual(times);
  await expect.poll(() => linesOf(edge, name).length).toBeGreaterThan(0);
  const lines = linesOf(edge, name);
  expect(lines[0]).toMatchObject({ level: 'warn', limit: limited.limits.get(name), ...told });
  // One at once, then one in ten seconds, however many were refused and however slow this machine is.
  expect(lines.length).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - startedAt) / 10_000));
}

/** A test for each setting of `subject`, in the order of `drives`. */
export function driveBounds<S extends Subject>(subject: S, drives: Readonly<Record<NamesOf<S>, Drive>>): void {
  const all = Object.entries<Drive>(drives).map(([name, drive]) => [name as LimitName, drive] as const);
  it.each(all.map(([name, drive]) => [settingName(name), drive.seen, name, drive] as const))(
    '%s: %s',
    (_setting, _seen, name, drive) => driveOver(name, drive),
  );
  it('and no other setting is left out', () => {
    const places = new Map<string, string>(Object.entries(DRIVEN));
    const named = [...places].filter(([, place]) => place === subject).map(([name]) => name);
    expect(all.map(([name]) => name as string).sort()).toEqual(named.sort());
    expect([...places.keys(), ...Object.keys(NOT_DRIVEN)].sort()).toEqual([...LIMIT_NAMES].sort());
    const files = readdirSync(import.meta.dirname);
    for (const place of places.values()) expect(files).toContain(`limits-${place}.test.ts`);
  });
}
