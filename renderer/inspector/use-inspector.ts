import { useCallback, useEffect, useState } from 'react';
import type { ExchangeDetail, ExchangeSummary } from '../../shared/contract/inspect.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { EMPTY, type InspectorView, MOST, newestOf, receive } from './view.ts';

export interface InspectorStore {
  readonly view: InspectorView;
  /** Holds the list as it is now, or lets it follow again. */
  readonly hold: (held: boolean) => void;
  /** Shows what waited; goes on holding if it did. */
  readonly showNew: (upTo?: number) => void;
  readonly refresh: () => void;
}

/** What main keeps, followed while the screen is open. */
export function useInspector(): InspectorStore {
  const { transport } = usePorthole();
  const online = useMirror((mirror) => mirror.connection === 'open');
  const [view, setView] = useState<InspectorView>(EMPTY);
  useEffect(() => transport.on('inspector', (news) => setView((old) => receive(old, news))), [transport]);
  const refresh = useCallback(() => {
    void transport.call('inspector:list', { limit: MOST }).then((reply) =>
      setView((old) => {
        if (!reply.ok) return { ...old, failure: reply.error };
        const { exchanges, unreadable, before } = reply.value;
        return { ...old, exchanges, unreadable, before, known: true, failure: undefined };
      }),
    );
  }, [transport]);
  useEffect(() => {
    if (online) refresh();
  }, [online, refresh]);
  const hold = useCallback(
    (held: boolean) => setView((old) => ({ ...old, upTo: held ? (old.upTo ?? newestOf(old)) : undefined })),
    [],
  );
  const showNew = useCallback(
    (upTo = 0) =>
      setView((old) => ({ ...old, upTo: old.upTo === undefined ? undefined : Math.max(upTo, newestOf(old)) })),
    [],
  );
  return { view, hold, showNew, refresh };
}

export interface Detail {
  readonly detail: ExchangeDetail | undefined;
  readonly failure: Failure | undefined;
}

const NOTHING: Detail = { detail: undefined, failure: undefined };

/** Everything of the exchange, read again when it gets an answer and when it is over. */
export function useDetail({ id, state, status }: ExchangeSummary): Detail {
  const { transport } = usePorthole();
  const [found, setFound] = useState<Detail & { readonly id: number }>({ ...NOTHING, id });
  // biome-ignore lint/correctness/useExhaustiveDependencies: state and status are when to read again
  useEffect(() => {
    let over = false;
    void transport.call('inspector:get', { id }).then((reply) => {
      if (over) return;
      setFound(
        reply.ok ? { id, detail: reply.value, failure: undefined } : { id, detail: undefined, failure: reply.error },
      );
    });
    return () => {
      over = true;
    };
  }, [transport, id, state, status]);
  return found.id === id ? found : NOTHING;
}
