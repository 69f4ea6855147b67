import type { Failure } from '../../shared/domain/failure.ts';
import { EXIT, type ExitCode, exitOf } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** What every command gets. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** The edge's entry file, if this Porthole has one. */
  readonly edge: string | undefined;
  /** Machines read the output. */
  readonly json: boolean;
  /** Aborts with the first Ctrl+C, SIGTERM or SIGHUP, or when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** A failure as machines are told it: its parts are ours, and may change with any version. */
export const forMachines = ({ params: _, ...error }: Failure): Omit<Failure, 'params'> => error;

/**
 * Tells a failure to whoever runs the command: a sentence for people, and an object too for machines. What failed
 * because of Ctrl+C is no news.
 */
export function fail({ terminal, json, signal }: CommandContext, error: Failure): ExitCode {
  if (signal.aborted) return EXIT.interrupted;
  if (json) terminal.printJson({ error: forMachines(error) });
  terminal.say(`${terminal.style('red', 'Error:')} ${error.message}`);
  return exitOf(error);
}
