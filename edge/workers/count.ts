import { availableParallelism } from 'node:os';
import { err, ok, type Result } from '../../shared/domain/result.ts';

/** Workers that an edge starts by itself, and that it can be told to start. Each agent keeps a link to each of them. */
export const MOST_AUTO_WORKERS = 8;
export const MOST_WORKERS = 32;

/** The machine that an edge runs on. */
export interface Machine {
  readonly cores: number;
  /** The system spreads the connections to one port over all processes that listen there (SO_REUSEPORT). */
  readonly spreads: boolean;
}

/** Other systems have the option too, but give all connections to one of the processes. */
const thisMachine = (): Machine => ({ cores: availableParallelism(), spreads: process.platform === 'linux' });

/**
 * How many workers `text` (a number, `auto` or nothing) stands for; 1 for none beside the edge's own process. The error
 * is a sentence for whoever wrote it.
 */
export function parseWorkers(
  text: string | undefined,
  embedded: boolean,
  machine: Machine = thisMachine(),
): Result<number, string> {
  if (text === undefined || text === 'auto')
    return ok(embedded || !machine.spreads ? 1 : Math.min(machine.cores, MOST_AUTO_WORKERS));
  const count = /^[1-9]\d?$/.test(text) ? Number(text) : MOST_WORKERS + 1;
  if (count > MOST_WORKERS) return err(`--workers takes auto or a whole number from 1 to ${MOST_WORKERS}.`);
  if (count > 1 && embedded) return err('--workers does not go with --embedded: that is always one process.');
  if (count > 1 && !machine.spreads)
    return err('--workers takes more than 1 on Linux only: other systems do not spread connections over processes.');
  return ok(count);
}
