import { err, ok, type Result } from '../shared/domain/result.ts';
import { EXPOSURES_PER_AGENT, SERVICES_PER_AGENT } from '../shared/domain/service.ts';

/** What the number of a limit counts. */
type Unit = 'count' | 'bytes' | 'ms';

interface LimitSpec {
  readonly unit: Unit;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

const count = (value: number, min = 1, max = 1_000_000): LimitSpec => ({ unit: 'count', default: value, min, max });
const bytes = (value: number, min: number, max: number): LimitSpec => ({ unit: 'bytes', default: value, min, max });
const time = (value: number, min: number, max: number): LimitSpec => ({ unit: 'ms', default: value, min, max });

const SECOND = 1_000;
const HOUR = 3_600_000;
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Every bound that an operator may move, in one table: docs/limits.md says what a client sees at each. What is left out
 * here follows from a protocol, or exists only to keep another bound honest, and is a constant where it is used.
 */
const TABLE = {
  // Connections of all kinds.
  connections: count(20_000),
  connectionsPerAddress: count(2_000),
  connectionsPerService: count(4_096),
  helloTime: time(5 * SECOND, 100, 60 * SECOND),
  helloSize: bytes(16 * KIB, 4 * KIB, 64 * KIB),
  handshakeTime: time(10 * SECOND, 100, 60 * SECOND),

  // HTTP/1.1 and HTTP/2.
  headerSize: bytes(64 * KIB, KIB, 256 * KIB),
  headerFields: count(200, 10, 2_000),
  headerTime: time(10 * SECOND, 100, HOUR),
  idleTime: time(120 * SECOND, SECOND, HOUR),
  bodyIdleTime: time(30 * SECOND, SECOND, HOUR),
  bodyRate: bytes(500, 1, MIB),
  readIdleTime: time(120 * SECOND, SECOND, HOUR),
  requestsPerTarget: count(1_024),
  requestsPerTargetAndAddress: count(768),
  upgradesPerTarget: count(16_384),
  cancelsPerTarget: count(2_000, 10),
  visitorMemory: bytes(256 * MIB, MIB, 64 * 1024 * MIB),

  // HTTP/2 alone.
  h2Streams: count(100, 1, 1_000),
  h2Resets: count(400, 10, 100_000),
  h2ResetRate: count(40, 1, 10_000),
  h2ControlRate: count(200, 10, 10_000),
  h2OverheadRate: bytes(64 * KIB, 4 * KIB, 16 * MIB),
  h2Held: bytes(16 * MIB, 4 * MIB, 1024 * MIB),

  // Agents.
  agentHandshakes: count(256),
  agentHandshakesPerAddress: count(32),
  // One service has four fifths of these at most: connectionsPerService fits.
  streamsPerTunnel: count(8_192, 1, 65_536),
  carriersPerTunnel: count(8, 1, 64),
  memoryPerTunnel: bytes(64 * MIB, 32 * MIB, 1024 * MIB),
  servicesPerAgent: count(SERVICES_PER_AGENT, 1, 10_000),
  exposuresPerAgent: count(EXPOSURES_PER_AGENT, 1, 1_000),

  // UDP services.
  udpSessionsPerService: count(1_024),
  udpSessionsPerAddress: count(512),
  udpNewSessionsPerSecond: count(50),
  udpQueue: count(256, 1, 65_536),
  udpQueueSize: bytes(512 * KIB, 64 * KIB, 64 * MIB),
  udpUnsent: bytes(4 * MIB, 64 * KIB, 64 * MIB),
} as const satisfies Readonly<Record<string, LimitSpec>>;

export type LimitName = keyof typeof TABLE;

/** A value for every limit: counts, bytes, milliseconds. */
export type Limits = Readonly<Record<LimitName, number>>;

/** All limits, in the order of the table. */
export const LIMIT_NAMES = Object.keys(TABLE) as readonly LimitName[];

export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, TABLE[name].default]),
) as Limits;

/** How operators write a limit's name: `headerSize` is `header-size`. */
export const settingName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const BY_SETTING: ReadonlyMap<string, LimitName> = new Map(LIMIT_NAMES.map((name) => [settingName(name), name]));

const FACTORS: Readonly<Record<Unit, ReadonlyMap<string, number>>> = {
  count: new Map([['', 1]]),
  bytes: new Map([
    ['', 1],
    ['b', 1],
    ['k', KIB],
    ['kib', KIB],
    ['m', MIB],
    ['mib', MIB],
  ]),
  ms: new Map([
    ['ms', 1],
    ['s', SECOND],
    ['m', 60 * SECOND],
    ['h', HOUR],
  ]),
};

/** A value as operators write it: `200`, `64KiB`, `10s`. */
export function writeLimit(name: LimitName, value: number): string {
  const { unit } = TABLE[name];
  if (unit === 'count') return String(value);
  if (unit === 'ms') return value % SECOND === 0 ? `${value / SECOND}s` : `${value}ms`;
  if (value % MIB === 0) return `${value / MIB}MiB`;
  return value % KIB === 0 ? `${value / KIB}KiB` : `${value}B`;
}

/** Reads one setting; the error is a sentence for whoever wrote it. */
export function parseLimit(setting: string, text: string): Result<readonly [LimitName, number], string> {
  const name = BY_SETTING.get(setting);
  if (name === undefined) return err(`There is no limit "${setting}"; docs/limits.md lists them.`);
  const { unit, min, max } = TABLE[name];
  const match = /^(\d{1,12})([a-z]{0,3})$/i.exec(text.trim());
  const value = Number(match?.[1]) * (FACTORS[unit].get(match?.[2]?.toLowerCase() ?? '') ?? Number.NaN);
  if (value >= min && value <= max) return ok([name, value]);
  return err(`The limit ${setting} takes ${KINDS[unit]} from ${writeLimit(name, min)} to ${writeLimit(name, max)}.`);
}

const KINDS: Readonly<Record<Unit, string>> = {
  count: 'a whole number',
  bytes: 'a size such as 64KiB',
  ms: 'a time such as 500ms, 10s or 2m',
};

/** Reads a file of limits: one JSON object, each value a whole number or a text such as `64KiB`. */
export function parseLimitsFile(text: string): Result<Partial<Limits>, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return err('It is not JSON.');
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) return err('It is not a JSON object.');
  const limits: Partial<Record<LimitName, number>> = {};
  for (const [setting, value] of Object.entries(parsed)) {
    if (typeof value !== 'string' && typeof value !== 'number') return err(`${setting} is no number and no text.`);
    const limit = parseLimit(setting, String(value));
    if (!limit.ok) return limit;
    limits[limit.value[0]] = limit.value[1];
  }
  return ok(limits);
}
