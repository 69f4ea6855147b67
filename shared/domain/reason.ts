import { REASONS } from './reasons.ts';

export type ReasonKey = keyof typeof REASONS;

/** What a sentence is filled with, by name. JSON only, never a secret. */
export type Params = Readonly<Record<string, string | number | Because>>;

/** A reason of the registry, with what its sentence is filled with: it can be said in any language that has it. */
export interface Because {
  readonly key: ReasonKey;
  readonly values?: Params;
}

/** Why something is refused: of the registry, or as it came from outside (the operating system, another server). */
export type Reason = string | Because;

/** The names in braces of a template. */
type NamesIn<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
type Names<K extends ReasonKey> = NamesIn<(typeof REASONS)[K]>;

/** The reason `key`, with a value for every name in its sentence. */
export function because<K extends ReasonKey>(
  key: K,
  ...[values]: [Names<K>] extends [never] ? [] : [Readonly<Record<Names<K>, string | number | Because>>]
): Because {
  return values === undefined ? { key } : { key, values };
}

/** `reason` in English. */
export function sayReason(reason: Reason): string {
  if (typeof reason === 'string') return reason;
  // A page may be older than the process that it asks.
  return Object.hasOwn(REASONS, reason.key) ? fill(REASONS[reason.key], reason.values ?? {}, REASONS).text : reason.key;
}

/** A sentence, and whether it has nothing missing: neither a value nor the words for a reason in it. */
export interface Filled {
  readonly text: string;
  readonly whole: boolean;
}

/**
 * `template` with each `{name}` replaced from `params`, reasons in the words of `reasons`. What was put in is not looked
 * at again, so values may hold braces. In the place of what is missing stands its name in brackets.
 */
export function fill(template: string, params: Params, reasons: Readonly<Record<string, string>>): Filled {
  let whole = true;
  const put = (name: string): string => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (typeof value === 'object') {
      const words = Object.hasOwn(reasons, value.key) ? reasons[value.key] : undefined;
      if (words !== undefined) {
        const inner = fill(words, value.values ?? {}, reasons);
        whole &&= inner.whole;
        return inner.text;
      }
    } else if (value !== undefined) return String(value);
    whole = false;
    return `(${name})`;
  };
  // The parts at odd places are the names.
  const parts = template.split(/\{(\w+)\}/);
  return { text: parts.map((part, at) => (at % 2 === 0 ? part : put(part))).join(''), whole };
}
