import type { OutgoingHttpHeaders } from 'node:http2';
import { trimmed } from './fields.ts';

/** Fields of a response that HTTP/2 has no place for (RFC 9113 section 8.2.2). */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** The lines of a valid field section `text[from…]` (each with its CRLF) as fields for node:http2; order kept by name. */
export function toFields(text: string, from = 0): OutgoingHttpHeaders {
  // Without a prototype even `__proto__`, a valid name, is nothing but a name.
  const fields: OutgoingHttpHeaders = Object.create(null);
  for (let at = from; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const end = text.indexOf('\r\n', colon);
    if (colon < 0 || end < 0) break;
    const name = text.slice(at, colon).toLowerCase();
    if (!DROPPED.has(name)) {
      const value = trimmed(text, colon + 1, end);
      const known = fields[name];
      if (known === undefined) fields[name] = value;
      else if (Array.isArray(known)) known.push(value);
      else fields[name] = [String(known), value];
    }
    at = end + 2;
  }
  return fields;
}

/** The value of the field `name` (lower-case) where it came once. */
export function single(fields: OutgoingHttpHeaders, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}
