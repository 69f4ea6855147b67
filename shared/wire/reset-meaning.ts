import type { FailureCode } from '../domain/failure.ts';
import type { TargetProblem } from '../domain/status.ts';
import { RESET, type ResetCode } from './codes.ts';

const PROBLEMS: Partial<Record<ResetCode, TargetProblem>> = {
  [RESET.REFUSED]: 'origin_refused',
  [RESET.UNRESOLVED]: 'origin_unresolved',
  [RESET.TIMEOUT]: 'origin_timeout',
  [RESET.NOT_ALLOWED]: 'origin_not_allowed',
  [RESET.UNTRUSTED]: 'origin_untrusted',
};

/** What a refused dial says of the target itself; `undefined` when nothing lasting (our own bounds, a cancel). */
export const problemOf = (code: ResetCode): TargetProblem | undefined => PROBLEMS[code];

/** What a reset stream means for the visitor who used it. */
export function failureOf(code: ResetCode): FailureCode {
  const problem = PROBLEMS[code];
  if (problem !== undefined) return problem;
  if (code === RESET.LIMIT) return 'busy';
  if (code === RESET.BAD_ANSWER) return 'origin_bad_response';
  return code === RESET.GOING_AWAY || code === RESET.TUNNEL_LOST ? 'tunnel_lost' : 'origin_closed';
}
