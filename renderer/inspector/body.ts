/** What a body is, and how it reads as data. Nothing here makes markup of it. */
import type { InspectedBody } from '../../shared/contract/inspect.ts';

export type BodyKind = 'empty' | 'json' | 'form' | 'image' | 'text' | 'hex';

/** Formats that a browser decodes to pixels and nothing else. SVG is a document, and shown as text. */
const IMAGES: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]);

const TEXTUAL =
  /^text\/|[/+](?:json|xml|yaml|javascript)$|^application\/(?:x-ndjson|graphql|x-www-form-urlencoded|sql)$/;

/** The media type without its parameters, lower-case; empty when there is none. */
export const mediaType = ({ type = '' }: Pick<InspectedBody, 'type'>): string =>
  (type.split(';')[0] ?? '').trim().toLowerCase();

export function bytesOf({ base64 }: Pick<InspectedBody, 'base64'>): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export function kindOf(body: InspectedBody, bytes: Uint8Array): BodyKind {
  if (bytes.length === 0) return 'empty';
  if (body.packed === true) return 'hex';
  const type = mediaType(body);
  if (IMAGES.has(type)) return body.cut ? 'hex' : 'image';
  const text = textOf(body, bytes);
  if (text === undefined) return 'hex';
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (/[/+]json$/.test(type) || (type === '' && /^\s*[{[]/.test(text))) return isJson(text) ? 'json' : 'text';
  return 'text';
}

/** The body as text in the charset that it names; undefined where it is none. */
export function textOf(body: Pick<InspectedBody, 'type' | 'cut'>, bytes: Uint8Array): string | undefined {
  const charset = /;\s*charset="?([\w.:-]{1,40})/i.exec(body.type ?? '')?.[1] ?? 'utf-8';
  const declared = TEXTUAL.test(mediaType(body)) || mediaType(body) === 'image/svg+xml';
  try {
    // The last character of what was cut may be half.
    const text = new TextDecoder(charset, { fatal: !declared }).decode(bytes, { stream: body.cut });
    return !declared && /(?![\t\n\v\f\r\u001b])\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Valid JSON with line breaks and indents. Its own tokens stay as they were: no number loses digits. */
export function prettyJson(text: string): string {
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g) ?? [];
  let out = '';
  let depth = 0;
  const line = (): string => `\n${'  '.repeat(Math.min(depth, 64))}`;
  for (const [index, token] of tokens.entries()) {
    if (token === '{' || token === '[') {
      const next = tokens[index + 1];
      out += token;
      depth++;
      if (next !== '}' && next !== ']') out += line();
    } else if (token === '}' || token === ']') {
      const before = tokens[index - 1];
      depth--;
      out += before === '{' || before === '[' ? token : line() + token;
    } else if (token === ',') out += `,${line()}`;
    else if (token === ':') out += ': ';
    else out += token;
  }
  return out;
}

/** The fields of a form, in their order, decoded. */
export const formFields = (text: string): readonly (readonly [string, string])[] => [...new URLSearchParams(text)];

/** Lines of eight bytes, which fit beside a list: offset, hex, and what is printable. */
export function hexLines(bytes: Uint8Array, most: number): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 8) {
    const row = bytes.subarray(at, Math.min(at + 8, most));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const shown = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(23)}  ${shown}`);
  }
  return lines.join('\n');
}

const ENDINGS: Readonly<Record<string, string>> = {
  'application/json': 'json',
  'application/pdf': 'pdf',
  'application/xml': 'xml',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'text/css': 'css',
  'text/csv': 'csv',
};

/** A file name of ours: a stranger's would choose what opens it. What a browser would run is saved as text. */
export function fileNameOf(id: number, side: 'request' | 'response', body: InspectedBody): string {
  const type = mediaType(body);
  const ending = ENDINGS[type] ?? (TEXTUAL.test(type) || type === 'image/svg+xml' ? 'txt' : 'bin');
  return `${side}-${id}.${body.packed === true ? 'bin' : ending}`;
}
