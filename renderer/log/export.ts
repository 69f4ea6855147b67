import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { saveFile } from '../controls/save-file.ts';
import type { Transport } from '../transport/transport.ts';
import { type LogFilter, toQuery } from './filter.ts';

export type ExportForm = 'jsonl' | 'csv';

/** Lines in one file at most, and lines asked for at once. */
export const EXPORT_LIMIT = 100_000;
const PAGE = 1000;

/** Columns of the CSV, in order. Durations are milliseconds, times ISO 8601. */
const COLUMNS: readonly (keyof AccessRecord)[] = [
  'time',
  'id',
  'kind',
  'serviceId',
  'protocol',
  'secure',
  'method',
  'host',
  'path',
  'status',
  'duration',
  'firstByte',
  'edge',
  'tunnel',
  'origin',
  'bytesUp',
  'bytesDown',
  'address',
  'country',
  'auth',
  'user',
  'failure',
  'observed',
  'reason',
  'userAgent',
  'agentId',
  'nodeId',
];

/**
 * A value as a field of a CSV (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe in front: paths
 * and user agents are whatever a stranger sent.
 */
export function csvField(value: string | number | boolean | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^\s*[=+\-@|%\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csvLine = (record: AccessRecord): string =>
  `${COLUMNS.map((name) => csvField(name === 'time' ? new Date(record.time).toISOString() : record[name])).join(',')}\r\n`;

/** What stands before the first line. */
export const headOf = (form: ExportForm): string => (form === 'csv' ? `${COLUMNS.join(',')}\r\n` : '');

/** One line of a file. */
export const exportLine = (record: AccessRecord, form: ExportForm): string =>
  form === 'csv' ? csvLine(record) : `${JSON.stringify(record)}\n`;

export type Exported =
  | { readonly ok: true; readonly parts: readonly string[]; readonly count: number; readonly cut: boolean }
  | { readonly ok: false; readonly failure: Failure | undefined };

/**
 * Everything that `filter` finds, newest first, at most 100,000 lines (`cut` when there are more). `onProgress` gets the
 * lines so far. Fails as a page fails, and with no failure when `signal` ended it.
 */
export async function readAll(
  transport: Pick<Transport, 'call'>,
  filter: LogFilter,
  form: ExportForm,
  onProgress: (count: number) => void,
  signal: AbortSignal,
): Promise<Exported> {
  const parts = [headOf(form)];
  let cursor: string | undefined;
  let count = 0;
  do {
    const reply = await transport.call('log:query', toQuery(filter, Math.min(PAGE, EXPORT_LIMIT - count), cursor));
    if (signal.aborted) return { ok: false, failure: undefined };
    if (!reply.ok) return { ok: false, failure: reply.error };
    parts.push(reply.value.records.map((record) => exportLine(record, form)).join(''));
    count += reply.value.records.length;
    cursor = reply.value.cursor;
    onProgress(count);
  } while (cursor !== undefined && count < EXPORT_LIMIT);
  return { ok: true, parts, count, cut: cursor !== undefined };
}

const TYPES: Readonly<Record<ExportForm, string>> = { jsonl: 'application/x-ndjson', csv: 'text/csv;charset=utf-8' };

/** Hands `parts` to the browser as a file to be saved. */
export const saveLog = (parts: readonly string[], form: ExportForm, now: number): void =>
  saveFile(
    new Blob([...parts], { type: TYPES[form] }),
    `porthole-access-${new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')}.${form}`,
  );
