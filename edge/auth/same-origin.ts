import { fieldValue, fieldValues } from '../field-lines.ts';
import type { Visit } from '../visit.ts';

/**
 * Whether a post comes from a page of the service itself (or from no page at all: whatever isn't a browser sends
 * neither field, and has no visitor's cookies to be lured with). Either field is enough to say no. A page without
 * referrer says its origin is `null`; then the browser's own word has to vouch for it.
 */
export function isSameOrigin({ fields, connection, authority }: Visit): boolean {
  const site = fieldValue(fields, 'sec-fetch-site');
  if (fieldValues(fields, 'sec-fetch-site', 1).length > 0 && site !== 'same-origin') return false;
  const origins = fieldValues(fields, 'origin', 2);
  if (origins.length === 0) return true;
  if (origins.length > 1) return false;
  if (origins[0] === 'null') return site === 'same-origin';
  return origins[0]?.toLowerCase() === `${connection.secure ? 'https' : 'http'}://${authority.toLowerCase()}`;
}
