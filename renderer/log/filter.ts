import type { LogQuery } from '../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';

/** What the reader wants to see. An empty text is no wish. */
export interface LogFilter {
  /** A service's id. */
  readonly service: string;
  /** Part of path, host, address or user agent. */
  readonly text: string;
  /** `404`, or `4xx` for a class. */
  readonly status: string;
  readonly method: string;
  /** Part of it. */
  readonly path: string;
  readonly address: string;
  /** Two letters. */
  readonly country: string;
  /** Part of it. */
  readonly user: string;
  /** A method that let in, or the code of a denial. */
  readonly auth: string;
  /** Milliseconds since the epoch, as a number or nothing. */
  readonly since: string;
  readonly until: string;
}

/** What is shown as a chip each, in the order of the menu. */
export const TERMS = [
  'status',
  'method',
  'path',
  'address',
  'country',
  'user',
  'auth',
  'since',
  'until',
] as const satisfies readonly (keyof LogFilter)[];
export type Term = (typeof TERMS)[number];

export const NO_FILTER: LogFilter = {
  service: '',
  text: '',
  status: '',
  method: '',
  path: '',
  address: '',
  country: '',
  user: '',
  auth: '',
  since: '',
  until: '',
};

/** The longest texts that the edge takes. */
export const MAX_TEXT = 200;
export const MAX_LENGTH: Readonly<Record<Term, number>> = {
  status: 3,
  method: 32,
  path: 1024,
  address: 64,
  country: 2,
  user: 255,
  auth: 64,
  since: 20,
  until: 20,
};

/** Whether the edge understands `status`. */
export const isStatus = (status: string): boolean => /^(?:[0-9]{1,3}|[1-5]xx)$/.test(status);

/** Whether the filter lets everything through. */
export const isOpen = (filter: LogFilter): boolean => Object.values(filter).every((value) => value.trim() === '');

/** The same question to the edge. */
export function toQuery(filter: LogFilter, limit: number, cursor?: string): LogQuery {
  const { since, until, ...texts } = filter;
  const set = Object.entries(texts)
    .map(([key, value]) => [key, value.trim()] as const)
    .filter(([, value]) => value !== '');
  return {
    limit,
    ...Object.fromEntries(set),
    ...(since === '' ? {} : { since: Number(since) }),
    ...(until === '' ? {} : { until: Number(until) }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

const holds = (whole: string | undefined, part: string): boolean =>
  (whole ?? '').toLowerCase().includes(part.trim().toLowerCase());

/** Each wish as the edge understands it (`edge/record/log-filter.ts`), for lines that come live. */
const RULES: Readonly<Record<keyof LogFilter, (record: AccessRecord, wish: string) => boolean>> = {
  service: ({ serviceId }, wish) => serviceId === wish,
  text: ({ path, host, address, userAgent }, wish) =>
    [path, host, address, userAgent].some((part) => holds(part, wish)),
  status: ({ status }, wish) =>
    wish.endsWith('xx') ? Math.floor(status / 100) === Number(wish.slice(0, 1)) : status === Number(wish),
  method: ({ method }, wish) => method === wish.trim().toUpperCase(),
  path: ({ path }, wish) => holds(path, wish),
  address: ({ address }, wish) => address === wish.trim().toLowerCase(),
  country: ({ country }, wish) => country === wish.trim().toUpperCase(),
  user: ({ user }, wish) => holds(user, wish),
  auth: ({ auth, failure, observed }, wish) => [auth, failure, observed].some((code) => code === wish.trim()),
  since: ({ time }, wish) => time >= Number(wish),
  until: ({ time }, wish) => time <= Number(wish),
};
const KEYS = ['service', 'text', ...TERMS] as const;

/** Whether a live line passes. */
export const passes = (record: AccessRecord, filter: LogFilter): boolean =>
  KEYS.every((key) => filter[key].trim() === '' || RULES[key](record, filter[key]));
