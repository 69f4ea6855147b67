import type { z } from 'zod';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';

/** Longest piece of somebody's input that a message repeats. */
const QUOTE = 60;

/** Parses input from outside. Fails with `port_invalid` for ports, `input_invalid` for all else, naming the field. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): Result<T, Failure> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  const path = issue?.path ?? [];
  const field = path.length > 0 ? path.map(String).join('.') : undefined;
  if (path.at(-1) === 'port') return err(failure('port_invalid', { port: quote(valueAt(input, path)) }, field));
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const where = [...path.map(String), key].join('.');
    return err(failure('input_invalid', { reason: `"${quote(where)}" is not known here.` }, where.slice(0, QUOTE)));
  }
  const reason = issue?.message ?? 'The input does not have the expected form.';
  const sentence = /[.!?]$/.test(reason) ? reason : `${reason}.`;
  return err(failure('input_invalid', { reason: field === undefined ? sentence : `"${field}": ${sentence}` }, field));
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return 'missing';
    value = Object.entries(value).find(([name]) => name === String(key))?.[1];
  }
  return value;
}

function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > QUOTE ? `${text.slice(0, QUOTE)}…` : text;
}
