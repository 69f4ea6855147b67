import { CALLS, type Channel, type Reply } from '../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { Handlers } from './handlers/context.ts';

export type Dispatch = (channel: string, input: unknown) => Promise<Reply<unknown>>;

/**
 * The only way in, for every transport: the channel must be one of ours, the input must parse, and whatever happens
 * then, the answer is a `Reply`. It never rejects, and what a bug throws goes to the log, not to the caller.
 */
export function createDispatch(handlers: Handlers<Channel>, logger: Logger): Dispatch {
  return async (channel, input) => {
    if (!isChannel(channel)) return refuse(failure('channel_unknown', { channel: channel.slice(0, 64) }));
    const parsed = CALLS[channel].safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const field = issue?.path.map(String).join('.') ?? '';
      const said = issue?.message ?? 'it has another shape';
      const reason =
        field === '' ? because('input_odd', { channel, said }) : because('field_odd', { field, channel, said });
      return refuse(failure('input_invalid', { reason }, field === '' ? undefined : field));
    }
    // The schema above is the one that this channel's handler takes its input type from.
    const handler = handlers[channel] as (input: unknown) => Promise<Result<unknown, Failure>>;
    try {
      const result = await handler(parsed.data);
      return result.ok ? { ok: true, value: result.value } : refuse(result.error);
    } catch (error) {
      logger.error('A call failed.', { channel, error });
      return refuse(failure('internal'));
    }
  };
}

const isChannel = (channel: string): channel is Channel => Object.hasOwn(CALLS, channel);
const refuse = (error: Failure): Reply<never> => ({ ok: false, error });
