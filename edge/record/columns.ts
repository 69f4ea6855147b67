import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { AuthMethod } from '../../shared/domain/auth.ts';
import { isFailureCode } from '../../shared/domain/failure.ts';
import type { PackedRecords } from './access-log.ts';

/** A value that SQLite takes as it is and that costs little to send to another thread. */
export type Cell = string | number | null;

/**
 * The columns of the log in the order in which records travel and are bound. A batch travels as one flat array of
 * cells, written as JSON, with parts of milliseconds as whole microseconds. What that costs at both ends together, in
 * microseconds a record: 1.7 for an array of cells, 1.2 for its text, 0.8 without fractions.
 */
export const COLUMNS = [
  ['id', 'text not null'],
  ['time', 'integer not null'],
  ['kind', 'text not null'],
  ['service_id', 'text'],
  ['agent_id', 'text'],
  ['node_id', 'text not null'],
  ['protocol', 'text not null'],
  ['secure', 'integer not null'],
  ['method', 'text not null'],
  ['host', 'text not null'],
  ['path', 'text not null'],
  ['status', 'integer not null'],
  ['duration', 'integer not null'],
  ['first_byte', 'integer'],
  ['edge', 'integer'],
  ['tunnel', 'integer'],
  ['origin', 'integer'],
  ['bytes_up', 'integer not null'],
  ['bytes_down', 'integer not null'],
  ['address', 'text not null'],
  ['user_agent', 'text'],
  ['failure', 'text'],
  ['country', 'text'],
  ['auth', 'text'],
  ['user', 'text'],
  ['observed', 'text'],
  ['reason', 'text'],
] as const;
export const WIDTH = COLUMNS.length;

/** Longest texts that are kept of what a visitor sends. */
const TEXT_LIMIT = 2048;
const cut = (text: string): string => (text.length > TEXT_LIMIT ? text.slice(0, TEXT_LIMIT) : text);

const micros = (ms: number): number => Math.round(ms * 1000);

/** `records` as cells, `WIDTH` each. */
export function toCells(records: readonly AccessRecord[]): Cell[] {
  const cells: Cell[] = [];
  for (const r of records) {
    cells.push(
      r.id,
      Math.round(r.time),
      r.kind,
      r.serviceId ?? null,
      r.agentId ?? null,
      r.nodeId,
      r.protocol,
      r.secure ? 1 : 0,
      cut(r.method),
      cut(r.host),
      cut(r.path),
      r.status,
      micros(r.duration),
      r.firstByte === undefined ? null : micros(r.firstByte),
      r.edge === undefined ? null : micros(r.edge),
      r.tunnel === undefined ? null : micros(r.tunnel),
      r.origin === undefined ? null : micros(r.origin),
      r.bytesUp,
      r.bytesDown,
      r.address,
      r.userAgent === undefined ? null : cut(r.userAgent),
      r.failure ?? null,
      r.country ?? null,
      r.auth ?? null,
      r.user === undefined ? null : cut(r.user),
      r.observed ?? null,
      r.reason === undefined ? null : cut(r.reason),
    );
  }
  return cells;
}

/** `records` as they travel. */
export const packRecords = (records: readonly AccessRecord[]): PackedRecords => ({
  count: records.length,
  cells: JSON.stringify(toCells(records)),
});

/** The records that were packed, by this program. */
export function unpackRecords(packed: PackedRecords): AccessRecord[] {
  const cells = JSON.parse(packed.cells) as Cell[];
  const records: AccessRecord[] = [];
  for (let at = 0; at + WIDTH <= cells.length; at += WIDTH) {
    const row: Record<string, Cell> = {};
    for (let i = 0; i < WIDTH; i++) row[COLUMNS[i]?.[0] ?? ''] = cells[at + i] ?? null;
    records.push(toRecord(row));
  }
  return records;
}

const METHODS: readonly AuthMethod[] = ['password', 'pin', 'header', 'sso', 'share'];
const KINDS: readonly AccessRecord['kind'][] = ['request', 'open', 'close', 'connection'];
const PROTOCOLS: readonly AccessRecord['protocol'][] = ['http/1.0', 'http/1.1', 'http/2', 'tcp', 'tls', 'udp'];

/** The record of a row of the log. A failure code that this version doesn't know is left out. */
export function toRecord(row: Readonly<Record<string, unknown>>): AccessRecord {
  const text = (key: string): string => String(row[key] ?? '');
  const number = (key: string): number => Number(row[key] ?? 0);
  const millis = (key: string): number => number(key) / 1000;
  const failure = text('failure');
  const observed = text('observed');
  const auth = METHODS.find((known) => known === text('auth'));
  return {
    id: text('id'),
    time: number('time'),
    kind: KINDS.find((known) => known === text('kind')) ?? 'request',
    ...(row.service_id === null ? {} : { serviceId: text('service_id') }),
    ...(row.agent_id === null ? {} : { agentId: text('agent_id') }),
    nodeId: text('node_id'),
    protocol: PROTOCOLS.find((known) => known === text('protocol')) ?? 'http/1.1',
    secure: row.secure === 1,
    method: text('method'),
    host: text('host'),
    path: text('path'),
    status: number('status'),
    duration: millis('duration'),
    ...(row.first_byte === null ? {} : { firstByte: millis('first_byte') }),
    ...(row.edge === null ? {} : { edge: millis('edge') }),
    ...(row.tunnel === null ? {} : { tunnel: millis('tunnel') }),
    ...(row.origin === null ? {} : { origin: millis('origin') }),
    bytesUp: number('bytes_up'),
    bytesDown: number('bytes_down'),
    address: text('address'),
    ...(row.user_agent === null ? {} : { userAgent: text('user_agent') }),
    ...(isFailureCode(failure) ? { failure } : {}),
    ...(row.country === null ? {} : { country: text('country') }),
    ...(auth === undefined ? {} : { auth }),
    ...(row.user === null ? {} : { user: text('user') }),
    ...(isFailureCode(observed) ? { observed } : {}),
    ...(row.reason === null ? {} : { reason: text('reason') }),
  };
}
