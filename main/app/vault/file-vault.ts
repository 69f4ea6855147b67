import { createCipheriv, createDecipheriv, type DecipherGCM, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { because, type Reason } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { systemReason } from '../../../shared/node/system-reason.ts';
import { readIfPresent, writePrivate } from '../private-file.ts';
import type { Vault } from './vault.ts';

const derive = promisify<string | Buffer, Buffer, number, object, Buffer>(scrypt);
/** About 60 ms and 32 MiB: bearable at each start, dear for whoever tries passphrases. RFC 7914. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const KEY_BYTES = 32;

const box = z.strictObject({
  version: z.literal(1),
  salt: z.base64(),
  /** Encrypted `{name: secret}`: AES-256-GCM, a new nonce every write. */
  nonce: z.base64(),
  tag: z.base64(),
  data: z.base64(),
});
const contents = z.record(z.string(), z.string());
type Contents = z.output<typeof contents>;

/** Where the key comes from: a passphrase that a person keeps, or a random key in a file of its own. */
export type FileVaultKey = { readonly passphrase: string } | { readonly keyFile: string };

/**
 * Secrets in one 0600 file (scrypt, AES-256-GCM). With a passphrase it is as good as that. With a key file beside it,
 * it protects from nobody who can read the user's files: it keeps secrets out of backups of one of the two files, out
 * of search indexes and off screens. That is what a server without a keychain can have.
 */
export function createFileVault(path: string, key: FileVaultKey): Vault {
  let derived: { readonly salt: string; readonly key: Buffer } | undefined;
  /** Writes are read-change-write: one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  async function keyFor(salt: string): Promise<Buffer> {
    if (derived?.salt === salt) return derived.key;
    const secret = 'passphrase' in key ? key.passphrase : machineKey(key.keyFile);
    derived = { salt, key: await derive(secret, Buffer.from(salt, 'base64'), KEY_BYTES, COST) };
    return derived.key;
  }

  async function read(): Promise<{ readonly salt: string; readonly contents: Contents }> {
    const text = readIfPresent(path);
    if (text === undefined) return { salt: randomBytes(16).toString('base64'), contents: {} };
    const sealed = box.parse(JSON.parse(text));
    const decipher = createDecipheriv('aes-256-gcm', await keyFor(sealed.salt), Buffer.from(sealed.nonce, 'base64'), {
      authTagLength: 16,
    });
    decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
    const plain = open(decipher, Buffer.from(sealed.data, 'base64'));
    return { salt: sealed.salt, contents: contents.parse(JSON.parse(plain.toString())) };
  }

  async function write(salt: string, next: Contents): Promise<void> {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', await keyFor(salt), nonce, { authTagLength: 16 });
    const data = Buffer.concat([cipher.update(JSON.stringify(next)), cipher.final()]).toString('base64');
    const sealed: z.output<typeof box> = {
      version: 1,
      salt,
      nonce: nonce.toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
      data,
    };
    writePrivate(path, `${JSON.stringify(sealed)}\n`);
  }

  function change(edit: (contents: Contents) => Contents | undefined): Promise<Result<null, Failure>> {
    const done = last.then(async () => {
      const { salt, contents } = await read();
      const next = edit(contents);
      if (next !== undefined) await write(salt, next);
      return null;
    });
    last = done.catch(() => undefined);
    return outcome(path, done);
  }

  return {
    kind: 'file',
    get: (name) =>
      outcome(
        path,
        last.then(read).then(({ contents }) => (Object.hasOwn(contents, name) ? contents[name] : undefined)),
      ),
    set: (name, secret) => change((contents) => ({ ...contents, [name]: secret })),
    delete: (name) =>
      change((contents) => {
        if (!Object.hasOwn(contents, name)) return undefined;
        const { [name]: _, ...rest } = contents;
        return rest;
      }),
  };
}

/** What was sealed doesn't open: with GCM, a wrong key and changed content look the same. */
class KeyMismatch extends Error {}

function open(decipher: DecipherGCM, sealed: Buffer): Buffer {
  const begin = decipher.update(sealed);
  try {
    return Buffer.concat([begin, decipher.final()]);
  } catch (cause) {
    // Node gives this error no code. At the end of GCM only the tag is checked, so nothing else can be wrong.
    throw new KeyMismatch('the tag does not match', { cause });
  }
}

/** The random key in the file, made on first use. */
function machineKey(path: string): Buffer {
  const found = readIfPresent(path);
  if (found !== undefined) return Buffer.from(found.trim(), 'base64');
  const key = randomBytes(KEY_BYTES);
  writePrivate(path, `${key.toString('base64')}\n`);
  return key;
}

const outcome = <T>(path: string, work: Promise<T>): Promise<Result<T, Failure>> =>
  work.then(
    (value) => ok(value),
    (error: unknown) =>
      err(failure('vault_failed', { reason: because('of_file', { path, reason: fileFault(error) }) })),
  );

/** Reading fails for three reasons: the system says no, the key is wrong, or the content is damaged. */
function fileFault(error: unknown): Reason {
  if (error instanceof SyntaxError || error instanceof z.ZodError) return because('file_damaged');
  if (error instanceof KeyMismatch) return because('key_misfit');
  return systemReason(error);
}
