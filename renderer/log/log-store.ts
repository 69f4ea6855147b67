import { createStore, type StoreApi } from 'zustand/vanilla';
import type { LogBatch } from '../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Transport } from '../transport/transport.ts';
import { type LogFilter, NO_FILTER, passes, toQuery } from './filter.ts';
import { MAX_LINES, mergeLines } from './merge.ts';

const PAGE = 200;

export interface LogView {
  /** What is shown, newest first. */
  readonly lines: readonly AccessRecord[];
  /** Arrived while the reader holds the list still, newest first. */
  readonly held: readonly AccessRecord[];
  /** The reader looks at older lines, so new ones wait. */
  readonly reading: boolean;
  readonly paused: boolean;
  readonly filter: LogFilter;
  /** Where older lines go on; absent when there are none, or none were read yet. */
  readonly cursor: string | undefined;
  readonly loading: boolean;
  /** False until the first page of this filter has arrived. */
  readonly known: boolean;
  readonly failure: Failure | undefined;
  /** Lines that could not be recorded while this page was open. */
  readonly dropped: number;
}

const EMPTY: LogView = {
  lines: [],
  held: [],
  reading: false,
  paused: false,
  filter: NO_FILTER,
  cursor: undefined,
  loading: false,
  known: false,
  failure: undefined,
  dropped: 0,
};

/** The view after new lines arrived: shown at once, or held back while the reader pauses or reads further down. */
export function receive(view: LogView, batch: Pick<LogBatch, 'records' | 'dropped'>): LogView {
  const dropped = view.dropped + batch.dropped;
  const records = batch.records.filter((record) => passes(record, view.filter));
  if (view.paused || view.reading) return { ...view, dropped, held: mergeLines(view.held, records) };
  return { ...view, dropped, lines: mergeLines(view.lines, records) };
}

/** The view with what was held back put in. */
export const release = (view: LogView): LogView => ({ ...view, held: [], lines: mergeLines(view.lines, view.held) });

export interface LogStore {
  readonly store: StoreApi<LogView>;
  /** Reads the newest page of the current filter. */
  readonly refresh: () => Promise<void>;
  /** Reads the page after the oldest line shown; nothing while one is being read, or when the bound is reached. */
  readonly older: () => Promise<void>;
  readonly setFilter: (filter: LogFilter) => void;
  readonly setPaused: (paused: boolean) => void;
  readonly setReading: (reading: boolean) => void;
  /** Puts in what was held back; a pause goes on. */
  readonly showNew: () => void;
  readonly stop: () => void;
}

/** The access log as the window keeps it: one page from the edge, then live, bounded, never jumping under the reader. */
export function createLogStore(transport: Transport): LogStore {
  const store = createStore<LogView>(() => EMPTY);
  let generation = 0;

  const read = async (cursor: string | undefined): Promise<void> => {
    const mine = generation;
    const { filter } = store.getState();
    store.setState({ loading: true, failure: undefined });
    const reply = await transport.call('log:query', toQuery(filter, PAGE, cursor));
    if (mine !== generation) return;
    if (!reply.ok) return store.setState({ loading: false, failure: reply.error });
    store.setState((view) => ({
      loading: false,
      known: true,
      lines: mergeLines(view.lines, reply.value.records),
      cursor: reply.value.cursor,
    }));
  };

  const refresh = (): Promise<void> => {
    generation++;
    return read(undefined);
  };

  const stopLog = transport.on('log', (batch) => store.setState((view) => receive(view, batch), true));
  let opened = false;
  const stopConnection = transport.onConnection((connection) => {
    if (connection !== 'open') return;
    // Lines were missed meanwhile: starting over leaves no hole in the middle.
    if (opened) store.setState({ lines: [], held: [], cursor: undefined, known: false });
    opened = true;
  });
  const settle = (change: Partial<LogView>): void =>
    store.setState((view) => {
      const next = { ...view, ...change };
      return next.paused || next.reading ? next : release(next);
    }, true);

  return {
    store,
    refresh,
    async older() {
      const { cursor, loading, lines } = store.getState();
      if (cursor !== undefined && !loading && lines.length < MAX_LINES) await read(cursor);
    },
    setFilter(filter) {
      store.setState({ filter, lines: [], held: [], cursor: undefined, known: false, reading: false });
      void refresh();
    },
    setPaused: (paused) => settle({ paused }),
    setReading(reading) {
      if (store.getState().reading !== reading) settle({ reading });
    },
    showNew: () => store.setState(release, true),
    stop() {
      stopLog();
      stopConnection();
    },
  };
}
