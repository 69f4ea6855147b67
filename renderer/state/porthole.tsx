import { createContext, type ReactNode, use, useMemo } from 'react';
import { useStore } from 'zustand';
import type { StoreApi } from 'zustand/vanilla';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { LogStore } from '../log/log-store.ts';
import type { Transport } from '../transport/transport.ts';
import { believable, type Mirror } from './mirror.ts';
import type { TrafficStore } from './traffic.ts';

/** What every screen may reach for. */
export interface Porthole {
  readonly transport: Transport;
  readonly mirror: StoreApi<Mirror>;
  readonly log: LogStore;
  readonly traffic: TrafficStore;
}

const Context = createContext<Porthole | undefined>(undefined);

export const PortholeProvider = ({ value, children }: { readonly value: Porthole; readonly children: ReactNode }) => (
  <Context value={value}>{children}</Context>
);

/** The page's one Porthole. Throws outside its provider: that is a bug. */
export function usePorthole(): Porthole {
  const value = use(Context);
  if (value === undefined) throw new Error('usePorthole outside PortholeProvider');
  return value;
}

/** A part of the mirror; the component renders again only when that part changes. */
export const useMirror = <T,>(select: (mirror: Mirror) => T): T => useStore(usePorthole().mirror, select);

/** The snapshot as far as it can be believed; undefined until there is one. */
export function useSnapshot(): AgentState | undefined {
  const state = useMirror((mirror) => mirror.state);
  const connection = useMirror((mirror) => mirror.connection);
  return useMemo(() => believable(state, connection), [state, connection]);
}
