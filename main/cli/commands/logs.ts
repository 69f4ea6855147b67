import type { LogBatch } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { type CommandContext, fail } from '../context.ts';
import { EXIT, type ExitCode, UsageError } from '../exit.ts';
import { knownState, type Session, withSession } from '../session.ts';
import { requestLine } from '../words.ts';
import { findService } from './services.ts';

export interface LogOptions {
  readonly follow?: boolean;
  readonly service?: string;
  readonly limit: number;
}

/** Shows the latest lines of the access log, oldest first, and then new ones as they come. */
export async function logs(context: CommandContext, options: LogOptions): Promise<ExitCode> {
  if (options.limit < 0 || options.limit > 1000) throw new UsageError('--limit takes a whole number from 0 to 1000.');
  const events = options.follow === true ? (['state', 'log'] as const) : (['state'] as const);
  const shown = await withSession(context, events, (session) => show(context, session, options));
  return shown.ok ? EXIT.ok : fail(context, shown.error);
}

async function show(context: CommandContext, session: Session, options: LogOptions): Promise<Result<null, Failure>> {
  const { terminal, json, signal } = context;
  const state = await knownState(session, signal);
  if (!state.ok) return state;
  const service = options.service === undefined ? undefined : findService(state.value.services, options.service);
  if (service?.ok === false) return service;
  const id = service?.value.id;
  const print = (record: AccessRecord): void => {
    if (json) terminal.printJson(record);
    else terminal.print(requestLine(terminal, record, id === undefined));
  };
  // New lines are listened for before the old ones are asked: none falls between, and those in both are shown once.
  const early: LogBatch[] = [];
  let take = (batch: LogBatch): void => void early.push(batch);
  const stop = options.follow === true ? session.on('log', (batch) => take(batch)) : undefined;
  const old = options.limit === 0 ? ok({ records: [] }) : await query(session, id, options.limit);
  if (!old.ok) return old;
  const seen = new Set(old.value.records.map(keyOf));
  for (const record of old.value.records.toReversed()) print(record);
  if (stop === undefined) return ok(null);
  take = ({ records, dropped }) => {
    for (const record of records)
      if ((id === undefined || record.serviceId === id) && !seen.delete(keyOf(record))) print(record);
    if (dropped > 0) terminal.say(`${dropped} lines came too fast to be kept.`);
  };
  for (const batch of early) take(batch);
  const gone = await Promise.race([
    session.closed.then(() => true),
    new Promise<false>((resolve) => {
      if (signal.aborted) resolve(false);
      signal.addEventListener('abort', () => resolve(false), { once: true });
    }),
  ]);
  stop();
  return gone ? err(failure('app_not_running')) : ok(null);
}

const query = (session: Session, service: string | undefined, limit: number) =>
  session.call('log:query', { limit, ...(service === undefined ? {} : { service }) });

/** The opening and the closing of one connection share its id. */
const keyOf = ({ id, kind }: AccessRecord): string => `${id} ${kind}`;
