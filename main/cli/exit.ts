import type { Failure, FailureCode } from '../../shared/domain/failure.ts';

/** What the shell is told. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Failures that say that something was typed wrongly. */
const TYPED: ReadonlySet<FailureCode> = new Set([
  'port_invalid',
  'name_invalid',
  'domain_invalid',
  'host_invalid',
  'header_invalid',
  'agent_unknown',
  'address_invalid',
  'token_invalid',
]);

/** The exit code that a refusal deserves: 2 when the command line itself is wrong, else 1. */
export const exitOf = ({ code, field }: Failure): ExitCode =>
  TYPED.has(code) || (code === 'input_invalid' && field !== undefined) ? EXIT.usage : EXIT.failed;

/** A command line that cannot be used, in a sentence. Thrown while arguments are read, and caught in one place. */
export class UsageError extends Error {}
