import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { AuthMethod } from '../../shared/domain/auth.ts';
import { isFailureCode } from '../../shared/domain/failure.ts';

/** Where the values of a record stand among its cells; its id is apart. Texts first, then numbers. */
export const COLUMN = {
  kind: 0,
  serviceId: 1,
  agentId: 2,
  nodeId: 3,
  protocol: 4,
  method: 5,
  host: 6,
  path: 7,
  address: 8,
  userAgent: 9,
  failure: 10,
  country: 11,
  auth: 12,
  user: 13,
  observed: 14,
  reason: 15,
  /** Milliseconds since the epoch. */
  time: 16,
  secure: 17,
  status: 18,
  /** Microseconds, as the four that follow. */
  duration: 19,
  firstByte: 20,
  edge: 21,
  tunnel: 22,
  origin: 23,
  bytesUp: 24,
  bytesDown: 25,
} as const;
/** Columns of texts, and of all. */
export const TEXT_COLUMNS = COLUMN.reason + 1;
export const WIDTH = COLUMN.bytesDown + 1;

/**
 * Records as a table of whole numbers. A cell holds a text's place among `texts`, counted from one, or a number plus
 * one; 0 is what the record doesn't have.
 */
export interface RecordTable {
  readonly count: number;
  /** What cells of texts point to, some of it twice; and the same as a JSON array. */
  readonly texts: readonly string[];
  readonly json: string;
  id(row: number): string;
  cell(column: number, row: number): number;
}

const METHODS: readonly AuthMethod[] = ['password', 'pin', 'header', 'sso', 'share'];
const KINDS: readonly AccessRecord['kind'][] = ['request', 'open', 'close', 'connection'];
const PROTOCOLS: readonly AccessRecord['protocol'][] = ['http/1.0', 'http/1.1', 'http/2', 'tcp', 'tls', 'udp'];

/** The text of a cell; undefined where there is none. */
export const textAt = (table: RecordTable, column: number, row: number): string | undefined =>
  table.texts[table.cell(column, row) - 1];
/** The number in a cell; -1 where there is none. */
export const numberAt = (table: RecordTable, column: number, row: number): number => table.cell(column, row) - 1;

/** A record of `table`. What this version doesn't know, a failure code above all, is left out. */
export function toRecord(table: RecordTable, row: number): AccessRecord {
  const text = (column: number): string | undefined => textAt(table, column, row);
  const number = (column: number): number => Math.max(0, numberAt(table, column, row));
  const part = <K extends string>(key: K, column: number): { [key in K]?: number } =>
    (table.cell(column, row) === 0 ? {} : { [key]: number(column) / 1000 }) as { [key in K]?: number };
  const optional = <K extends string>(key: K, column: number): { [key in K]?: string } => {
    const value = text(column);
    return (value === undefined ? {} : { [key]: value }) as { [key in K]?: string };
  };
  const failure = text(COLUMN.failure);
  const observed = text(COLUMN.observed);
  const method = text(COLUMN.auth);
  const auth = METHODS.find((known) => known === method);
  const kind = text(COLUMN.kind);
  const protocol = text(COLUMN.protocol);
  return {
    id: table.id(row),
    time: number(COLUMN.time),
    kind: KINDS.find((known) => known === kind) ?? 'request',
    ...optional('serviceId', COLUMN.serviceId),
    ...optional('agentId', COLUMN.agentId),
    nodeId: text(COLUMN.nodeId) ?? '',
    protocol: PROTOCOLS.find((known) => known === protocol) ?? 'http/1.1',
    secure: number(COLUMN.secure) === 1,
    method: text(COLUMN.method) ?? '',
    host: text(COLUMN.host) ?? '',
    path: text(COLUMN.path) ?? '',
    status: number(COLUMN.status),
    duration: number(COLUMN.duration) / 1000,
    ...part('firstByte', COLUMN.firstByte),
    ...part('edge', COLUMN.edge),
    ...part('tunnel', COLUMN.tunnel),
    ...part('origin', COLUMN.origin),
    bytesUp: number(COLUMN.bytesUp),
    bytesDown: number(COLUMN.bytesDown),
    address: text(COLUMN.address) ?? '',
    ...optional('userAgent', COLUMN.userAgent),
    ...(failure !== undefined && isFailureCode(failure) ? { failure } : {}),
    ...optional('country', COLUMN.country),
    ...(auth === undefined ? {} : { auth }),
    ...optional('user', COLUMN.user),
    ...(observed !== undefined && isFailureCode(observed) ? { observed } : {}),
    ...optional('reason', COLUMN.reason),
  };
}
