import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { EventName, Events, Notice } from '../../shared/contract/ipc.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { Dispatch } from './dispatch.ts';

export interface AppOptions {
  /** The data folder; by default `PORTHOLE_HOME` or the platform's. */
  readonly home?: string;
  /** What people call this machine; its host name by default. */
  readonly name?: string;
  /** Whether to start the embedded edge when no cluster was joined; true by default. For those who only join one. */
  readonly embedded?: boolean;
  /** Milliseconds to wait for a data folder that another Porthole holds; 5,000 by default, enough for a command to end. */
  readonly patience?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Porthole on this laptop, without a face. */
export interface App {
  readonly home: string;
  /** The only way in: never rejects; see `dispatch.ts`. */
  readonly dispatch: Dispatch;
  /** `state`: every snapshot from now on, at most one per 50 ms. `log`: new access log lines. */
  on<E extends EventName>(event: E, listener: (value: Events[E]) => void): () => void;
  state(): AgentState;
  /** A port that is Porthole's own (such as a window's): the user isn't offered it. */
  hidePort(port: number): void;
  /** The host says that the machine woke up or changed networks. */
  resumed(): void;
  /** The window was closed and Porthole goes on without one: the user is told so, once. */
  windowHidden(): void;
  /**
   * Takes a link to Porthole (`porthole://…`) that was opened elsewhere on this machine. It changes nothing and
   * contacts nobody: a join link waits in the state (`join`) until the user answers; what is none is said in a notice.
   * Yields where the window shall go.
   */
  openLink(url: string): readonly string[];
  /** Tells the user something, as a notice and, if it wants that, a notification. */
  say(news: Omit<Notice, 'id'>): void;
  /** Ends agent, edge, socket and lock; resolves when no process is left. Idempotent. */
  close(): Promise<void>;
}
