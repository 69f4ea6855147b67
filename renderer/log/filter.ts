import type { LogQuery } from '../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';

export interface LogFilter {
  /** A service's id, or empty for all. */
  readonly service: string;
  readonly text: string;
}

export const NO_FILTER: LogFilter = { service: '', text: '' };

/** The longest text that the edge takes. */
export const MAX_TEXT = 200;

/** Whether the filter lets everything through. */
export const isOpen = (filter: LogFilter): boolean => filter.service === '' && filter.text.trim() === '';

/** The same question to the edge. */
export const toQuery = (filter: LogFilter, limit: number, cursor?: string): LogQuery => ({
  limit,
  ...(filter.service === '' ? {} : { service: filter.service }),
  ...(filter.text.trim() === '' ? {} : { text: filter.text.trim() }),
  ...(cursor === undefined ? {} : { cursor }),
});

/** Whether a live line passes: the edge's own rule (path, host, address or user agent, case-insensitive). */
export function passes(record: AccessRecord, filter: LogFilter): boolean {
  if (filter.service !== '' && record.serviceId !== filter.service) return false;
  const text = filter.text.trim().toLowerCase();
  if (text === '') return true;
  return [record.path, record.host, record.address, record.userAgent ?? ''].some((part) =>
    part.toLowerCase().includes(text),
  );
}
