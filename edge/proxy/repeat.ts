import type { FailureCode } from '../../shared/domain/failure.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Whether a request with `method` has the same effect when it is sent twice (RFC 9110 section 9.2.2). */
export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method);

/** How an attempt ended of which no byte of a response was heard and for which no byte of a body was sent. */
export interface FailedAttempt {
  readonly method: string;
  readonly failure: FailureCode;
  /** The code of the stream's reset, if it was reset. */
  readonly code: ResetCode | undefined;
  /** The stream had served a request before. */
  readonly reused: boolean;
  /** The agent had connected to the origin. */
  readonly opened: boolean;
}

/**
 * Whether the request may go out once more: only when the first attempt can have had no effect, or the same one. It met
 * a keep-alive stream that was just closing, a tunnel that was going away or broke, or an origin that said it had not
 * begun.
 */
export function mayRepeat({ method, failure, code, reused, opened }: FailedAttempt): boolean {
  if (code === RESET.UNPROCESSED || (code === RESET.GOING_AWAY && !reused && !opened)) return true;
  if (!isIdempotent(method)) return false;
  return failure === 'tunnel_lost' || (failure === 'origin_closed' && reused);
}
