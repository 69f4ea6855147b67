import { type AccessRecord, isPassage } from '../../shared/domain/access-record.ts';

/** What a name with its port is made of; all else is not repeated in a command that people paste. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

/** `text` as one word of a POSIX shell. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Nothing of a visitor's may end a line or move the cursor of the terminal that a command is pasted into. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * The request as a command for a POSIX shell, as far as it is known: the body and the headers beside the user agent are
 * not recorded. `origin` is where the service is found (`https://app.example.com:8443`), when that is known. Undefined
 * for what is no request that curl can make.
 */
export function curlOf(record: AccessRecord, origin?: string): string | undefined {
  const { method, host, path, secure, userAgent } = record;
  if (isPassage(record) || !METHOD.test(method) || method === 'CONNECT' || !path.startsWith('/')) return undefined;
  if (origin === undefined && !HOST.test(host)) return undefined;
  const base = (origin ?? `${secure ? 'https' : 'http'}://${host}`).replace(/\/$/, '');
  const url = base + path.replace(CONTROL, (character) => encodeURIComponent(character));
  const words = ['curl'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET') words.push('-X', method);
  if (/[[\]{}]/.test(path)) words.push('--globoff');
  if (/\/\.{1,2}(?:\/|$)/.test(path)) words.push('--path-as-is');
  if (userAgent !== undefined) words.push('-A', shellQuote(userAgent.replace(CONTROL, ' ')));
  words.push(shellQuote(url));
  return words.join(' ');
}
