import type { ExchangeDetail } from '../../shared/contract/inspect.ts';
import type { Input } from '../../shared/contract/ipc.ts';
import { bytesOf, textOf } from './body.ts';

export type ReplayEdit = NonNullable<Input<'inspector:replay'>['edit']>;

/** Bytes of a new body. */
export const BODY_LIMIT = 128 * 1024;

export interface EditFields {
  readonly method: string;
  readonly path: string;
  /** One `Name: value` a line. */
  readonly headers: string;
  /** Undefined: the body can't be edited, because it is no text. */
  readonly body: string | undefined;
}

/** The fields as they begin. */
export function fieldsOf({ summary, request }: ExchangeDetail): EditFields {
  const { body } = request;
  const text = body.packed === true ? undefined : textOf({ ...body, cut: false }, bytesOf(body));
  return {
    method: summary.method,
    path: summary.path,
    headers: request.headers.map(({ name, value }) => `${name}: ${value}`).join('\n'),
    // What isn't whole has to be written anew.
    body: body.cut ? '' : text,
  };
}

export type EditResult =
  | { readonly ok: true; readonly edit: ReplayEdit }
  | { readonly ok: false; readonly field: 'headers' | 'body' };

/** What to change: a body that was left as it was is not sent along, so that not a byte of it changes. */
export function editOf(fields: EditFields, before: EditFields, mustHaveBody: boolean): EditResult {
  const headers: { name: string; value: string }[] = [];
  for (const line of fields.headers.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1) return { ok: false, field: 'headers' };
    headers.push({ name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() });
  }
  const changed = fields.body !== undefined && (mustHaveBody || fields.body !== before.body);
  const bytes = changed ? new TextEncoder().encode(fields.body) : undefined;
  if (bytes !== undefined && bytes.length > BODY_LIMIT) return { ok: false, field: 'body' };
  return {
    ok: true,
    edit: {
      method: fields.method.trim(),
      path: fields.path.trim(),
      headers,
      ...(bytes === undefined ? {} : { body: toBase64(bytes) }),
    },
  };
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
