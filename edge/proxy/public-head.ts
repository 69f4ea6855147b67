import type { Visit } from '../visit.ts';
import { trimmed } from './fields.ts';
import { type PublicView, publicCookie, publicRefresh, publicUrl } from './public-url.ts';
import type { ResponseHead } from './response-head.ts';

/** Fields that may name the target. Most responses have none of them. */
const NAMING = /^(location|content-location|refresh|set-cookie):/im;

/**
 * The response head as the visitor gets it: what names the target in redirects and cookies names the public address
 * instead, where the service wants that. `authority` is the visitor's `Host` as sent. Bodies are never touched.
 */
export function publicHead(head: ResponseHead, visit: Visit, authority: string): ResponseHead {
  const names = visit.target?.options?.names;
  if (names === undefined || visit.target === undefined || !NAMING.test(head.fields)) return head;
  const { prefix, options } = visit.target;
  const view: PublicView = {
    scheme: visit.connection.secure ? 'https' : 'http',
    authority: authority === '' ? (visit.route?.domain ?? '') : authority,
    prefix: prefix === '/' || options?.preservePath === true ? '' : prefix,
    names,
    knowsPublicName: visit.route?.passHostHeader === true,
  };
  return { ...head, fields: publicFields(head.fields, view), recurs: false };
}

function publicFields(fields: string, view: PublicView): string {
  let text = '';
  for (let at = 0; at < fields.length; ) {
    const end = fields.indexOf('\r\n', at);
    const colon = fields.indexOf(':', at);
    const name = fields.slice(at, colon);
    const rewrite = REWRITES.get(name.toLowerCase());
    text +=
      rewrite === undefined
        ? fields.slice(at, end + 2)
        : `${name}: ${rewrite(trimmed(fields, colon + 1, end), view)}\r\n`;
    at = end + 2;
  }
  return text;
}

const REWRITES: ReadonlyMap<string, (value: string, view: PublicView) => string> = new Map([
  ['location', publicUrl],
  ['content-location', publicUrl],
  ['refresh', publicRefresh],
  ['set-cookie', publicCookie],
]);
