import type { ExchangeSummary, InspectorNews, UnreadConnections } from '../../shared/contract/inspect.ts';
import type { Failure } from '../../shared/domain/failure.ts';

/** As many as main keeps. */
export const MOST = 200;

export interface InspectorFilter {
  readonly text: string;
  readonly service: string;
  readonly method: string;
  /** The first digit, `none` for no answer, or empty for all. */
  readonly status: string;
}

export const NO_FILTER: InspectorFilter = { text: '', service: '', method: '', status: '' };

export interface InspectorView extends UnreadConnections {
  /** Newest first. */
  readonly exchanges: readonly ExchangeSummary[];
  /** Newer ones than this wait, so that nothing moves under the eye; undefined: all are shown. */
  readonly upTo: number | undefined;
  readonly known: boolean;
  readonly failure: Failure | undefined;
}

export const EMPTY: InspectorView = {
  exchanges: [],
  upTo: undefined,
  known: false,
  unreadable: [],
  before: [],
  failure: undefined,
};

/** The view after news: what changed replaces what was known of it, what is gone goes. */
export function receive(view: InspectorView, news: InspectorNews): InspectorView {
  const known = new Map(view.exchanges.map((exchange) => [exchange.id, exchange]));
  for (const exchange of news.changed) known.set(exchange.id, exchange);
  for (const id of news.gone) known.delete(id);
  const exchanges = [...known.values()].sort((a, b) => b.id - a.id).slice(0, MOST);
  return { ...view, exchanges, unreadable: news.unreadable, before: news.before };
}

/** The id of the newest one; 0 when there is none. */
export const newestOf = (view: InspectorView): number => view.exchanges[0]?.id ?? 0;

export const shownOf = ({ exchanges, upTo }: InspectorView): readonly ExchangeSummary[] =>
  upTo === undefined ? exchanges : exchanges.filter(({ id }) => id <= upTo);

export function passes(exchange: ExchangeSummary, filter: InspectorFilter): boolean {
  if (filter.service !== '' && exchange.serviceId !== filter.service) return false;
  if (filter.method !== '' && exchange.method !== filter.method) return false;
  const status = exchange.status === undefined ? 'none' : String(exchange.status).slice(0, 1);
  if (filter.status !== '' && status !== filter.status) return false;
  const text = filter.text.trim().toLowerCase();
  return text === '' || `${exchange.method} ${exchange.path} ${exchange.type ?? ''}`.toLowerCase().includes(text);
}
