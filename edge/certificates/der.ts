/**
 * The distinguished encoding rules of ASN.1 (X.690), as much as a certificate needs. Certificates are made with
 * this and `node:crypto` alone: the X.509 libraries at hand cost 24 MB of resident memory and a reflection polyfill
 * in every edge process, for two fixed shapes of certificate.
 */
const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  CONTEXT: 0x80,
  CONSTRUCTED: 0x20,
} as const;

function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length = [];
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = body.length < 128 ? [tag, body.length] : [tag, 0x80 | length.length, ...length];
  return Buffer.concat([Buffer.from(head), body]);
}

export const sequence = (...content: readonly Uint8Array[]): Buffer => element(TAG.SEQUENCE, ...content);
export const set = (...content: readonly Uint8Array[]): Buffer => element(TAG.SET, ...content);
export const octetString = (content: Uint8Array): Buffer => element(TAG.OCTET_STRING, content);
export const utf8String = (text: string): Buffer => element(TAG.UTF8_STRING, Buffer.from(text));
/** DER has one true: all bits. False is the default wherever certificates have a boolean, so it is never encoded. */
export const booleanTrue = (): Buffer => element(TAG.BOOLEAN, Buffer.from([0xff]));

/** An unsigned integer from big-endian bytes: as short as can be, with a zero in front where the sign bit is set. */
export function integer(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const body = bytes.subarray(from);
  return element(TAG.INTEGER, ((body[0] ?? 0) & 0x80) === 0 ? body : Buffer.concat([Buffer.from([0]), body]));
}

/** A bit string; `unused` is how many bits of the last byte don't count. */
export const bitString = (content: Uint8Array, unused = 0): Buffer =>
  element(TAG.BIT_STRING, Buffer.from([unused]), content);

/** An object identifier such as `2.5.29.15`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) group.unshift((left % 128) | 0x80);
    bytes.push(...group);
  }
  return element(TAG.OID, Buffer.from(bytes));
}

/** A time in whole seconds: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5). */
export function time(milliseconds: number): Buffer {
  const text = `${new Date(milliseconds).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`;
  return Number(text.slice(0, 4)) < 2050
    ? element(TAG.UTC_TIME, Buffer.from(text.slice(2)))
    : element(TAG.GENERALIZED_TIME, Buffer.from(text));
}

/** `[n]` around whole elements. */
export const explicit = (n: number, ...content: readonly Uint8Array[]): Buffer =>
  element(TAG.CONTEXT | TAG.CONSTRUCTED | n, ...content);
/** `[n]` in place of the tag of a primitive. */
export const implicit = (n: number, content: Uint8Array): Buffer => element(TAG.CONTEXT | n, content);
