import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** Where a command's words go: results to `out`, everything about the way there to `err`. */
export interface Terminal {
  /** A line of the result. */
  print(line?: string): void;
  /** One JSON value a line, for machines; plain enough for the terminal that it may end up on. */
  printJson(value: unknown): void;
  /** Progress, warnings, goodbyes. */
  say(line: string): void;
  /** Colours text where a person sees it: on a terminal, and without `NO_COLOR`. */
  style(style: Style, text: string): string;
  /** Copies by the terminal's own escape (OSC 52), which works through SSH. False when there is no terminal. */
  copyByEscape(text: string): boolean;
}

interface Stream extends Writable {
  readonly isTTY?: boolean;
}

/** A terminal of two streams, coloured when `out` is one that a person sees and `env` doesn't object. */
export function createTerminal(
  out: Stream,
  err: Stream,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
  // https://no-color.org: any value but the empty one.
  const coloured = out.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    print: (line = '') => void out.write(`${line}\n`),
    printJson: (value) => void out.write(`${plainJson(value)}\n`),
    say: (line) => void err.write(`${line}\n`),
    style: (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text),
    copyByEscape(text) {
      if (err.isTTY !== true) return false;
      err.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`);
      return true;
    },
  };
}

const ESCAPES = /\x1b\[[0-9;]*m/g;
const width = (text: string): number => text.replace(ESCAPES, '').length;

/** Columns aligned by spaces, without boxes; the last one is not padded. An empty table yields no lines. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell)),
      )
      .join('  ')
      .trimEnd(),
  );
}

/**
 * What a terminal would act on, not show: C0 and C1 controls (U+009B alone begins a sequence), line and paragraph
 * separators, and controls of the writing direction, which make a line read as another.
 */
const ACTED_ON = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const unicodeEscape = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON that means the same and holds no such character: inside strings, where alone they can be, escapes stand for them. */
const plainJson = (value: unknown): string => JSON.stringify(value).replace(ACTED_ON, unicodeEscape);

/** What a stranger sent, fit for a terminal: control characters could move the cursor or rewrite lines. */
export const printable = (text: string): string =>
  text.replace(ACTED_ON, (c) =>
    c > '\xff' ? unicodeEscape(c) : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
