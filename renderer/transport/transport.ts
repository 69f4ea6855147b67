import type { PortholeApi } from '../../shared/contract/ipc.ts';

/**
 * Whether main can be reached. `connecting`: not yet, for the first time. `lost`: it was there, or never answered, and
 * is tried again. `refused`: it answers, but this page's session is over; only a fresh link helps.
 */
export type Connection = 'connecting' | 'open' | 'lost' | 'refused';

/** A way to reach main. Calls never reject; while the connection is not open they fail with `offline`. */
export interface Transport extends PortholeApi {
  /** Tells the connection now and after each change; the return value unsubscribes. */
  onConnection(listener: (connection: Connection) => void): () => void;
  /** Puts text on the user's clipboard; false when neither the page nor main can. */
  copy(text: string): Promise<boolean>;
  /** Opens one of this laptop's URLs in the browser. */
  open(url: string): void;
}
