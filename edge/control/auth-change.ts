import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { authPatchSchema } from '../../shared/contract/control-api.ts';
import {
  HEADER_RULES,
  type HeaderRule,
  isProtected,
  type ServiceAuth,
  type SsoRule,
} from '../../shared/domain/auth.ts';
import { checkHeader, checkPassword, checkPin } from '../../shared/domain/auth-rules.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { createId } from '../../shared/domain/id.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { ServiceMode } from '../../shared/domain/service.ts';
import type { Secrets } from '../guard.ts';
import { ADDRESS_FIELDS } from '../proxy/fields.ts';

/** Turns what people choose into what may be stored. */
export interface SecretKeeper {
  /** Argon2id in PHC form. Fails with `login_busy`. */
  hash(secret: string): Promise<Result<string, Failure>>;
  /** A new key pair for sessions, its private half sealed. */
  keyPair(): Pick<Secrets, 'publicKey' | 'privateKey'>;
}

/** Somebody with whom visitors can sign in. */
export interface SignInProvider {
  readonly id: string;
}

export interface AuthContext {
  readonly keeper: SecretKeeper;
  /** The cluster's, the usual one first. */
  readonly providers: () => readonly SignInProvider[];
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

type AuthPatch = z.output<typeof authPatchSchema>;
type HeaderInput = NonNullable<AuthPatch['headers']>[number];

/** A rule that stays, or a new one with the hash of its secret. */
type PreparedHeader = { readonly keep: string } | { readonly rule: HeaderRule; readonly hash: string };

/** A change of methods, checked and hashed; what is not named stays, `null` switches off. */
export interface PreparedAuth {
  readonly password?: string | null;
  readonly pin?: string | null;
  readonly headers?: readonly PreparedHeader[] | null;
  readonly sso?: SsoRule | null;
  readonly link?: boolean;
}

/**
 * Checks `patch` for a service of `mode` and hashes what is secret in it. Fails with `auth_mode`, `pin_invalid`,
 * `password_invalid`, `header_invalid`, `input_invalid`, `provider_unknown`, `login_busy`.
 */
export async function prepareAuth(
  context: AuthContext,
  mode: ServiceMode,
  patch: AuthPatch,
): Promise<Result<PreparedAuth, Failure>> {
  const enables = patch.link === true || [patch.password, patch.pin, patch.headers, patch.sso].some((m) => m != null);
  if (mode !== 'http' && enables) return err(failure('auth_mode', { mode }, 'auth'));
  const prepared: { -readonly [K in keyof PreparedAuth]: PreparedAuth[K] } = {};
  const sso = prepareSso(context, patch.sso);
  if (!sso.ok) return sso;
  if (sso.value !== undefined) prepared.sso = sso.value;
  for (const [name, check] of [
    ['password', checkPassword],
    ['pin', checkPin],
  ] as const) {
    const text = patch[name];
    if (text === undefined) continue;
    const secret = text === null ? ok(null) : check(text);
    if (!secret.ok) return secret;
    const hash = secret.value === null ? ok(null) : await context.keeper.hash(secret.value);
    if (!hash.ok) return hash;
    prepared[name] = hash.value;
  }
  const headers = await prepareHeaders(context, patch.headers);
  if (!headers.ok) return headers;
  if (headers.value !== undefined) prepared.headers = headers.value;
  if (patch.link !== undefined) prepared.link = patch.link;
  return ok(prepared);
}

function prepareSso(context: AuthContext, sso: AuthPatch['sso']): Result<SsoRule | null | undefined, Failure> {
  if (sso === undefined || sso === null) return ok(sso);
  const providers = context.providers();
  const chosen = sso.provider === undefined ? providers[0] : providers.find(({ id }) => id === sso.provider);
  if (chosen === undefined)
    return err(failure('provider_unknown', { provider: sso.provider ?? '' }, 'auth.sso.provider'));
  const groups = [...new Set(sso.groups ?? [])];
  if (groups.length > 100)
    return err(failure('list_too_long', { count: groups.length, limit: 100 }, 'auth.sso.groups'));
  return ok({ provider: chosen.id, groups });
}

async function prepareHeaders(
  context: AuthContext,
  inputs: readonly HeaderInput[] | null | undefined,
): Promise<Result<readonly PreparedHeader[] | null | undefined, Failure>> {
  if (inputs === undefined || inputs === null) return ok(inputs);
  if (inputs.length > HEADER_RULES)
    return err(failure('list_too_long', { count: inputs.length, limit: HEADER_RULES }, 'auth.headers'));
  const prepared: PreparedHeader[] = [];
  for (const [index, input] of inputs.entries()) {
    const header = await prepareHeader(context, input, `auth.headers.${index}`);
    if (!header.ok) return header;
    prepared.push(header.value);
  }
  return ok(prepared);
}

async function prepareHeader(
  { keeper, now, random }: AuthContext,
  input: HeaderInput,
  field: string,
): Promise<Result<PreparedHeader, Failure>> {
  if ('id' in input) return ok({ keep: input.id });
  const header = checkHeader(input, field);
  if (!header.ok) return header;
  const { kind, name, user, secret } = header.value;
  if (ADDRESS_FIELDS.has(name))
    return err(failure('header_invalid', { name, reason: because('header_of_visitor') }, `${field}.name`));
  const hash = await keeper.hash(secret);
  if (!hash.ok) return hash;
  const rule = { id: createId(now(), random), kind, name, ...(user === undefined ? {} : { user }) };
  return ok({ rule, hash: hash.value });
}

/** The methods after `change`; `undefined` for a public service. Fails with `input_invalid` for a rule to keep that is not there. */
export function changeMethods(
  before: ServiceAuth | undefined,
  change: PreparedAuth,
): Result<ServiceAuth | undefined, Failure> {
  const headers: HeaderRule[] = [];
  for (const [index, header] of (change.headers ?? []).entries()) {
    const rule = 'rule' in header ? header.rule : before?.headers?.find(({ id }) => id === header.keep);
    if (rule === undefined)
      return err(failure('input_invalid', { reason: because('header_rule_unknown') }, `auth.headers.${index}.id`));
    headers.push(rule);
  }
  const isOn = (value: string | null | undefined, was: boolean): boolean =>
    value === undefined ? was : value !== null;
  const rules = change.headers === undefined ? (before?.headers ?? []) : headers;
  const sso = change.sso === undefined ? before?.sso : (change.sso ?? undefined);
  const after: ServiceAuth = {
    ...(isOn(change.password, before?.password === true) ? { password: true } : {}),
    ...(isOn(change.pin, before?.pin === true) ? { pin: true } : {}),
    ...(rules.length > 0 ? { headers: rules } : {}),
    ...(sso === undefined ? {} : { sso }),
    ...((change.link ?? before?.link === true) ? { link: true } : {}),
  };
  return ok(isProtected(after) ? after : undefined);
}

/**
 * The secrets that go with the methods `now`. Sessions end (a new epoch, with keys of its own) when a password or PIN is
 * replaced, sign-in changes, or a method is gone. A service that never had methods has no secrets.
 */
export function changeSecrets(
  keeper: SecretKeeper,
  before: Secrets | undefined,
  was: ServiceAuth | undefined,
  now: ServiceAuth | undefined,
  change: PreparedAuth,
): Secrets | undefined {
  if (before === undefined && now === undefined) return undefined;
  const { password, pin, headers = {} } = before ?? {};
  const kept = (value: string | null | undefined, old: string | undefined): string | undefined =>
    value === undefined ? old : (value ?? undefined);
  const nextPassword = kept(change.password, password);
  const nextPin = kept(change.pin, pin);
  const added = (change.headers ?? []).flatMap((h) => ('rule' in h ? [[h.rule.id, h.hash] as const] : []));
  const hashes = new Map([...Object.entries(headers), ...added]);
  const rules = (now?.headers ?? []).flatMap(({ id }) => {
    const hash = hashes.get(id);
    return hash === undefined ? [] : [[id, hash] as const];
  });
  const next = {
    ...(nextPassword === undefined ? {} : { password: nextPassword }),
    ...(nextPin === undefined ? {} : { pin: nextPin }),
    headers: Object.fromEntries(rules),
  };
  if (before === undefined || endsSessions(was ?? {}, now ?? {}, change)) return newEpoch(keeper, before, next);
  const { epoch, publicKey, privateKey } = before;
  return { ...next, epoch, publicKey, privateKey };
}

/** Secrets in which no session of before counts. */
export const newEpoch = (
  keeper: SecretKeeper,
  before: Secrets | undefined,
  rest: Pick<Secrets, 'password' | 'pin' | 'headers'>,
): Secrets => ({ ...rest, epoch: (before?.epoch ?? 0) + 1, ...keeper.keyPair() });

function endsSessions(was: ServiceAuth, now: ServiceAuth, change: PreparedAuth): boolean {
  const replaced = (typeof change.password === 'string' && was.password) || (typeof change.pin === 'string' && was.pin);
  const gone =
    (was.password && !now.password) ||
    (was.pin && !now.pin) ||
    (was.link && !now.link) ||
    ((was.headers?.length ?? 0) > 0 && (now.headers?.length ?? 0) === 0);
  const signIn = was.sso !== undefined && !isDeepStrictEqual(was.sso, now.sso);
  return replaced === true || gone === true || signIn;
}
