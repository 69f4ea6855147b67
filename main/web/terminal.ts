import { readFileSync } from 'node:fs';
import type { Link, WebShell } from './shell.ts';

/** What to print for a link: the URL first and on a line of its own. */
export const describeLink = ({ browser, plain }: Link): string =>
  [
    `  ${browser}`,
    '',
    `Where that name does not resolve: ${plain}`,
    'The link works once, within two minutes. Press Enter for a new one, Ctrl+C to end Porthole.',
    '',
  ].join('\n');

/**
 * Whether reading the terminal would stop this process: a background job that reads gets SIGTTIN. Linux tells who is
 * in the foreground (proc(5), `stat`: the process group is field 5, the terminal's foreground group field 8).
 */
function inBackground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] !== fields[5];
  } catch {
    return false;
  }
}

/** Prints a new link whenever Enter is pressed; the return value stops that. */
export function answerEnter(shell: Pick<WebShell, 'newLink'>, print: (text: string) => void): () => void {
  const { stdin } = process;
  if (stdin.isTTY && inBackground()) return () => undefined;
  const take = (chunk: Buffer): void => {
    if (chunk.includes(10)) print(describeLink(shell.newLink()));
  };
  stdin.on('data', take);
  // A terminal that went away is no fault of the app.
  stdin.on('error', () => undefined);
  return () => {
    stdin.off('data', take);
    stdin.pause();
  };
}
