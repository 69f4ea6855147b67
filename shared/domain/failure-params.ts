import { type Explanation, isFailureCode } from './failure.ts';
import type { Because, Params, ReasonKey } from './reason.ts';
import { REASONS } from './reasons.ts';

/** What is taken of parameters from outside: so many of them, so many characters in each, reasons so deep. */
const MOST = 12;
const LONGEST = 1000;
const DEEPEST = 3;
const NAME = /^\w{1,32}$/;

/** `text` from outside as it may be shown anywhere: control characters taken out, cut at 1000 characters. */
export const plainText = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, LONGEST);

/**
 * The parameters of a failure that came from outside, perhaps from another version; `undefined` when they are not what
 * we know, which leaves the failure with its message. Throws at nothing.
 */
export const readParams = (value: unknown): Params | undefined => paramsAt(value, 0);

/** An explanation that came from outside; `undefined` when it is not one that we know. Throws at nothing. */
export function readExplanation(value: unknown): Explanation | undefined {
  if (!isRecord(value)) return undefined;
  const { code, message } = value;
  if (typeof code !== 'string' || typeof message !== 'string') return becauseOf(value, 0);
  if (!isFailureCode(code)) return undefined;
  const params = readParams(value.params);
  return { code, message: plainText(message), ...(params === undefined ? {} : { params }) };
}

function paramsAt(value: unknown, depth: number): Params | undefined {
  if (!isRecord(value) || depth > DEEPEST) return undefined;
  const entries = Object.entries(value);
  if (entries.length > MOST) return undefined;
  const read: [string, string | number | Because][] = [];
  for (const [name, inner] of entries) {
    const known = NAME.test(name) ? paramAt(inner, depth) : undefined;
    if (known === undefined) return undefined;
    read.push([name, known]);
  }
  return Object.fromEntries(read);
}

function paramAt(value: unknown, depth: number): string | number | Because | undefined {
  if (typeof value === 'string') return plainText(value);
  if (typeof value === 'number') return value;
  return becauseOf(value, depth);
}

function becauseOf(value: unknown, depth: number): Because | undefined {
  if (!isRecord(value) || typeof value.key !== 'string' || !isReasonKey(value.key)) return undefined;
  if (value.values === undefined) return { key: value.key };
  const values = paramsAt(value.values, depth + 1);
  return values === undefined ? undefined : { key: value.key, values };
}

const isReasonKey = (key: string): key is ReasonKey => Object.hasOwn(REASONS, key);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
