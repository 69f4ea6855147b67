/** Lists of odd pieces of HTTP/1, one a line in the escapes of JSON; the first line says what they are. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Stand for the id of the trial and the service's name. Replaced by as many characters, so that lengths stay right. */
export const ID = '@@@@@@';
export const HOST = 'hhhhhhh.localhost';

/** The list `name`. */
export function pieces(name: string): readonly string[] {
  const text = readFileSync(path.join(import.meta.dirname, 'corpus', `${name}.txt`), 'utf8');
  return text
    .split('\n')
    .slice(1, -1)
    .map((line) => JSON.parse(`"${line}"`) as string);
}

/** What is sent: the placeholders filled in. */
export const filled = (text: string, id: string, host: string): string =>
  text.replaceAll(ID, id).replaceAll(HOST, host);

/** One chunk of a chunked body. */
export const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

/** Names the entries of a list by what they are made of. */
export const each = (values: readonly string[], make: (value: string) => string): (readonly [string, string])[] =>
  values.map((value) => [JSON.stringify(value), make(value)]);
