import type { ExchangeDetail } from '../../shared/contract/inspect.ts';
import { curlCommand } from '../curl/command.ts';
import { bytesOf, textOf } from './body.ts';

/** What the edge adds for the origin, and what belongs to a connection: curl and the edge make these themselves. */
const LEFT_OUT =
  /^(?:host|connection|content-length|transfer-encoding|keep-alive|expect|accept-encoding|forwarded|via|x-forwarded-.*|x-real-ip)$/i;

/**
 * The request as a command for a POSIX shell, to `origin` (`https://shop.example.com`). Hidden values stay hidden, to
 * be filled in by hand. Undefined where curl can't make it: odd methods, a body that isn't whole or isn't text.
 */
export function curlOf({ summary, request }: ExchangeDetail, origin: string): string | undefined {
  const { method, path } = summary;
  const sends = request.body.size > 0;
  const headers = request.headers.filter(
    ({ name }) => !LEFT_OUT.test(name) && !(name.toLowerCase() === 'content-encoding' && sends),
  );
  if (!sends) return curlCommand({ method, origin, path, headers });
  const whole = !request.body.cut && request.body.packed !== true;
  const body = whole ? textOf(request.body, bytesOf(request.body)) : undefined;
  // Line breaks and tabs are data; what else steers a terminal isn't pasted into one.
  if (body === undefined || /(?![\n\t])[\p{Cc}\p{Cf}]/u.test(body)) return undefined;
  return curlCommand({ method, origin, path, headers, body });
}
