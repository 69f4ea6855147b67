import type { z } from 'zod';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import type { CALLS, Channel, Outputs } from '../../../shared/contract/ipc.ts';
import type { Failure } from '../../../shared/domain/failure.ts';
import type { Result } from '../../../shared/domain/result.ts';
import type { Logger } from '../../../shared/node/logger.ts';
import type { Agent } from '../../agent/agent.ts';
import type { Inspector } from '../../agent/inspect/inspector.ts';
import type { Host } from '../host.ts';
import type { Membership } from '../membership.ts';
import type { SettingsStore } from '../settings.ts';
import type { TrustOutcome } from '../trust/trust-keeper.ts';

/** What the handlers work with. */
export interface Context {
  readonly host: Host;
  readonly logger: Logger;
  state(): AgentState;
  membership(): Membership;
  /** Ports of Porthole's own on this machine, its window's in a browser among them. */
  ownPorts(): ReadonlySet<number>;
  /** The agent, once there is one; waits for an edge that is just starting. Fails with what is in the way. */
  agent(): Promise<Result<Agent, Failure>>;
  join(input: Parsed<'cluster:join'>): Promise<Result<Outputs['cluster:join'], Failure>>;
  leave(): Promise<Result<null, Failure>>;
  installTrust(): Promise<Result<TrustOutcome, Failure>>;
  random(length: number): Uint8Array;
  readonly settings: SettingsStore;
  readonly inspector: Inspector;
  /** Takes this laptop offline, or online again. */
  setPaused(paused: boolean): Result<null, Failure>;
  diagnostics(): string;
  /** What the state shows has changed. */
  touch(): void;
}

/** What a channel's schema makes of the input. */
export type Parsed<C extends Channel> = z.output<(typeof CALLS)[C]>;
/** One handler a channel: parsed input in, value or refusal out. */
export type Handlers<C extends Channel> = {
  readonly [K in C]: (input: Parsed<K>) => Promise<Result<Outputs[K], Failure>>;
};
