import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { AuthMethod } from '../../shared/domain/auth.ts';
import { isFailureCode } from '../../shared/domain/failure.ts';
import type { PackedRecords, RecordHead } from './access-log.ts';

/** A value in a line of the log. */
type Cell = string | number | null;

/**
 * The values of a record in the order in which they stand in its line: a JSON array, as which it travels and is kept.
 * Those missing at its end are null. Parts of milliseconds are whole microseconds there. A line that is one text costs
 * 1.3 microseconds a record, from the one who notes it down to the file; as an array of objects that is sent, and a
 * column for each value, it was 4.1.
 */
export const COLUMNS = [
  'id',
  'time',
  'kind',
  'service_id',
  'agent_id',
  'node_id',
  'protocol',
  'secure',
  'method',
  'host',
  'path',
  'status',
  'duration',
  'first_byte',
  'edge',
  'tunnel',
  'origin',
  'bytes_up',
  'bytes_down',
  'address',
  'user_agent',
  'failure',
  'country',
  'auth',
  'user',
  'observed',
  'reason',
] as const;

/** Longest texts that are kept of what a visitor sends. */
const TEXT_LIMIT = 2048;
const cut = (text: string): string => (text.length > TEXT_LIMIT ? text.slice(0, TEXT_LIMIT) : text);

const micros = (ms: number): number => Math.round(ms * 1000);

/** `r` as its line. */
export const packRecord = (r: AccessRecord): string => {
  const cells: Cell[] = [
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
  ];
  // Most records have none of these, and an eighth of their line would be to say so.
  if (hasRare(r))
    cells.push(
      r.failure ?? null,
      r.country ?? null,
      r.auth ?? null,
      r.user === undefined ? null : cut(r.user),
      r.observed ?? null,
      r.reason === undefined ? null : cut(r.reason),
    );
  return JSON.stringify(cells);
};

const hasRare = ({ failure, country, auth, user, observed, reason }: AccessRecord): boolean =>
  (failure ?? country ?? auth ?? user ?? observed ?? reason) !== undefined;

/** Lines of `packRecord` as they travel: JSON has no line breaks of its own, so they stay apart. */
export const packLines = (lines: readonly string[]): PackedRecords => ({
  count: lines.length,
  lines: lines.join('\n'),
});

/** A packed record of which no more is known yet than whose it is. */
export interface PackedRecord extends RecordHead {
  readonly line: string;
}

/** The first five values of a line, of which none has anything to escape. */
const HEAD = /^\["[^"]*",\d+,"[a-z]+",(?:null|"([^"]*)"),(?:null|"([^"]*)")/;

/** Records that were packed, by this program, as far as it takes to choose among them. */
export const readHeads = ({ lines }: PackedRecords): PackedRecord[] =>
  lines.split('\n').map((line) => {
    const [, serviceId, agentId] = HEAD.exec(line) ?? [];
    return { line, ...(serviceId === undefined ? {} : { serviceId }), ...(agentId === undefined ? {} : { agentId }) };
  });

/** All of a packed record. */
export function unpackRecord({ line }: PackedRecord): AccessRecord {
  const cells = JSON.parse(line) as Cell[];
  return toRecord(Object.fromEntries(COLUMNS.map((name, i) => [name, cells[i] ?? null])));
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
