import { type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { z } from 'zod';

/** What a session says: who came in to which service, how, and until when (RFC 7519). Times in seconds. */
const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string().min(1),
  aud: z.string(),
  iat: z.number(),
  nbf: z.number(),
  exp: z.number(),
  jti: z.string(),
  /** Id of the service: a domain can pass to another one. */
  service: z.string(),
  epoch: z.number(),
  method: z.enum(['password', 'pin', 'header', 'sso', 'share']),
  /** For people. */
  name: z.string().exactOptional(),
  email: z.string().exactOptional(),
  groups: z.array(z.string()).exactOptional(),
});
export type Claims = z.output<typeof claimsSchema>;

/** What a session must say to count here and now. */
export interface Expected {
  readonly iss: string;
  readonly aud: string;
  readonly service: string;
  readonly epoch: number;
}

/** The one header there is. Whatever else a token begins with isn't even looked at, so no algorithm can be talked into. */
const HEADER = Buffer.from('{"alg":"EdDSA","typ":"JWT"}').toString('base64url');
/** Characters that a token may have: what a browser keeps of one cookie, its name and attributes taken off. */
export const TOKEN_LIMIT = 3800;
/** An Ed25519 signature is 64 bytes. */
const FORM = /^[A-Za-z0-9_-]{27,}\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;
/** Seconds by which the clocks of two nodes may differ. */
const SKEW = 60;

/** A signed token (JWS, RFC 7515, compact; EdDSA, RFC 8037). Groups that don't fit into a cookie are left out, the last first. */
export function signSession(claims: Omit<Claims, 'jti'>, key: KeyObject): string {
  const complete = { ...claims, jti: randomBytes(12).toString('base64url') };
  const token = signed(complete, key);
  if (token.length <= TOKEN_LIMIT || claims.groups === undefined || claims.groups.length === 0) return token;
  return signSession({ ...claims, groups: claims.groups.slice(0, -1) }, key);
}

function signed(claims: Claims, key: KeyObject): string {
  const text = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

/** The claims of a token that `key` has signed and that says what is expected, at `now` (milliseconds); else `undefined`. */
export function readSession(token: string, key: KeyObject, expected: Expected, now: number): Claims | undefined {
  if (token.length > TOKEN_LIMIT || !token.startsWith(`${HEADER}.`)) return undefined;
  const [, payload = '', signature = ''] = FORM.exec(token) ?? [];
  if (signature === '') return undefined;
  const payloadText = Buffer.from(payload, 'base64url').toString();
  // Whoever has never been let in doesn't know the service's id, and shall not make us verify signatures.
  if (!payloadText.includes(expected.service)) return undefined;
  const text = token.slice(0, token.length - signature.length - 1);
  if (!verify(null, Buffer.from(text, 'latin1'), key, Buffer.from(signature, 'base64url'))) return undefined;
  const claims = parse(payloadText);
  return claims !== undefined && counts(claims, expected, now) ? claims : undefined;
}

/** Whether the claims, whoever signed them, say what is expected. */
export const counts = (claims: Claims, { iss, aud, service, epoch }: Expected, now: number): boolean =>
  claims.iss === iss &&
  claims.aud === aud &&
  claims.service === service &&
  claims.epoch === epoch &&
  claims.exp * 1000 > now &&
  claims.nbf * 1000 <= now + SKEW * 1000 &&
  claims.iat * 1000 <= now + SKEW * 1000;

function parse(text: string): Claims | undefined {
  try {
    const parsed = claimsSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
