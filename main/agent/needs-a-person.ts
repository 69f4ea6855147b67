import type { Failure, FailureCode } from '../../shared/domain/failure.ts';

/** Most milliseconds between tries when only a person can help. */
export const SLOW = 60_000;

const CODES: ReadonlySet<FailureCode> = new Set([
  'credential_unknown',
  'edge_untrusted',
  'edge_incompatible',
  'proxy_invalid',
]);

/** Whether the same try won't get past `failure` without somebody doing something. */
export const needsAPerson = (failure: Failure): boolean => CODES.has(failure.code);
