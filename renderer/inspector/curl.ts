import type { ExchangeDetail } from '../../shared/contract/inspect.ts';
import { shellQuote } from '../log/curl.ts';
import { bytesOf, textOf } from './body.ts';

/** What the edge adds for the origin, and what belongs to a connection: curl and the edge make these themselves. */
const LEFT_OUT =
  /^(?:host|connection|content-length|transfer-encoding|keep-alive|expect|accept-encoding|forwarded|via|x-forwarded-.*|x-real-ip)$/i;

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

/**
 * The request as a command for a POSIX shell, to `origin` (`https://shop.example.com`). Hidden values stay hidden, to
 * be filled in by hand. Undefined where curl can't make it: odd methods, a body that isn't whole or isn't text.
 */
export function curlOf({ summary, request }: ExchangeDetail, origin: string): string | undefined {
  const { method, path } = summary;
  if (!METHOD.test(method) || method === 'CONNECT' || !path.startsWith('/')) return undefined;
  const words = ['curl'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET' || request.body.size > 0) words.push('-X', method);
  if (/[[\]{}]/.test(path)) words.push('--globoff');
  for (const { name, value } of request.headers)
    if (!LEFT_OUT.test(name) && !(name.toLowerCase() === 'content-encoding' && request.body.size > 0))
      words.push('-H', shellQuote(`${name}: ${value}`.replace(CONTROL, ' ')));
  if (request.body.size > 0) {
    const text =
      request.body.cut || request.body.packed === true ? undefined : textOf(request.body, bytesOf(request.body));
    // Line breaks and tabs are data; what else steers a terminal isn't pasted into one.
    if (text === undefined || /(?![\n\t])[\p{Cc}\p{Cf}]/u.test(text)) return undefined;
    words.push('--data-raw', shellQuote(text));
  }
  words.push(
    shellQuote(origin.replace(/\/$/, '') + path.replace(CONTROL, (character) => encodeURIComponent(character))),
  );
  return words.join(' ');
}
