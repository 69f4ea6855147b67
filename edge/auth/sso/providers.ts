import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { sayReason } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { systemReason } from '../../../shared/node/system-reason.ts';

/** An OpenID Connect provider that visitors sign in with. */
export interface Provider {
  readonly id: string;
  /** For people: what the login page calls it. */
  readonly name: string;
  readonly issuer: URL;
  readonly clientId: string;
  /** Left out for public clients, which PKCE alone protects. */
  readonly clientSecret?: string;
  readonly scopes: readonly string[];
  /** The claim with the visitor's groups; a path such as `realm_access.roles` where there is no claim of that name. */
  readonly groupsClaim: string;
}

/** Bytes of the file. */
const LARGEST = 256 * 1024;
const PROVIDERS = 16;
const text = z.string().trim().min(1).max(1024);

const providerSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'An id has 1 to 32 lower-case letters, digits, hyphens.'),
    name: text.max(64),
    issuer: z.url({ protocol: /^https?$/ }).transform((url) => new URL(url)),
    clientId: text,
    clientSecret: text.optional(),
    /** A file that holds the secret alone, beside this one or anywhere. */
    clientSecretFile: text.optional(),
    scopes: z.array(text).max(32).default(['openid', 'email', 'profile']),
    groupsClaim: text.default('groups'),
  })
  .refine(({ issuer }) => issuer.protocol === 'https:' || isLoopback(issuer), {
    path: ['issuer'],
    message: 'An issuer is reached by https; by http on loopback only.',
  })
  .refine(({ clientSecret, clientSecretFile }) => clientSecret === undefined || clientSecretFile === undefined, {
    path: ['clientSecretFile'],
    message: 'Give the secret or a file with it, not both.',
  });
const fileSchema = z.strictObject({ providers: z.array(providerSchema).min(1).max(PROVIDERS) });

const isLoopback = ({ hostname }: URL): boolean => ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);

/**
 * The providers in a file (JSON: `{"providers": [{"id", "name", "issuer", "clientId", "clientSecretFile", …}]}`). Fails
 * with `file_unusable`.
 */
export function readProviders(path: string): Result<readonly Provider[], Failure> {
  const refuse = (reason: string) => err(failure('file_unusable', { path, reason }));
  const file = readText(path);
  if (!file.ok) return refuse(file.error);
  const parsed = fileSchema.safeParse(parseJson(file.value));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is not what it should be'}`);
  }
  const providers: Provider[] = [];
  for (const { clientSecret, clientSecretFile, ...provider } of parsed.data.providers) {
    if (providers.some(({ id }) => id === provider.id)) return refuse(`the id "${provider.id}" occurs twice`);
    const secret =
      clientSecretFile === undefined ? ok(clientSecret) : readText(resolve(dirname(path), clientSecretFile));
    if (!secret.ok) return refuse(`the secret of "${provider.id}": ${secret.error}`);
    const given = secret.value?.trim();
    if (given === '') return refuse(`the secret of "${provider.id}" is empty`);
    const scopes = [...new Set(['openid', ...provider.scopes])];
    providers.push({ ...provider, scopes, ...(given === undefined ? {} : { clientSecret: given }) });
  }
  return ok(providers);
}

function readText(path: string): Result<string, string> {
  try {
    if (statSync(path).size > LARGEST) return err('it is too large');
    return ok(readFileSync(path, 'utf8'));
  } catch (error) {
    return err(sayReason(systemReason(error)));
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
