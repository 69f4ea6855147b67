import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { systemCode, systemReason } from '../../shared/node/system-reason.ts';

const FILE = 'secret.key';
const KEY_BYTES = 32;
const TEXT = /^[A-Za-z0-9_-]{43}$/;
const NONCE = 12;
const TAG = 16;
/** What a sealed secret is for: moved to another place of the store, it doesn't open. */
const PURPOSE = 'porthole session key v1';

/** Seals what the store keeps of secrets, so that a copy of the database alone signs nobody in. */
export interface ClusterKey {
  /** AES-256-GCM, base64. */
  seal(secret: Uint8Array): string;
  /** `undefined` when it was sealed with another key, or is damaged. */
  open(sealed: string): Buffer | undefined;
  /** Another key from the same secret: what one seals, the other can't open. */
  derive(purpose: string): ClusterKey;
}

/**
 * The cluster's key: from `file`, or else from `secret.key` (0600) in the data folder, made when it is missing. Fails
 * with `data_unwritable` or `data_damaged`. A key of our own that others can read is refused; who may read a given file
 * is its owner's business.
 */
export function loadClusterKey(dataDir: string, file?: string): Result<ClusterKey, Failure> {
  const path = file ?? join(dataDir, FILE);
  try {
    if (file === undefined) makeKey(path);
    return readKey(path, file === undefined);
  } catch (error) {
    return err(failure('data_unwritable', { path, reason: systemReason(error) }));
  }
}

/** Writes a key beside `path`, whole, and then gives it its name: of two processes that do so at once, one wins. */
function makeKey(path: string): void {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    closeSync(openSync(path, constants.O_RDONLY));
    return;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  const handle = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(handle, `${randomBytes(KEY_BYTES).toString('base64url')}\n`);
    fsyncSync(handle);
    linkSync(draft, path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    closeSync(handle);
    rmSync(draft, { force: true });
  }
}

function readKey(path: string, own: boolean): Result<ClusterKey, Failure> {
  const handle = openSync(path, constants.O_RDONLY);
  try {
    const { mode, size } = fstatSync(handle);
    if (own && process.platform !== 'win32' && (mode & 0o077) !== 0)
      return err(
        failure('data_unwritable', { path, reason: 'others can read it; make it readable by its owner only' }),
      );
    const text = size > 1024 ? '' : readFileSync(handle, 'utf8').trim();
    if (!TEXT.test(text)) return err(failure('data_damaged', { path, reason: 'it does not hold a key' }));
    return ok(clusterKey(Buffer.from(text, 'base64url')));
  } finally {
    closeSync(handle);
  }
}

/** `secret`: 32 random bytes. */
export function clusterKey(secret: Uint8Array, purpose = PURPOSE): ClusterKey {
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES));
  return {
    derive: (other) => clusterKey(secret, other),
    seal(plain) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64');
    },
    open(text) {
      const sealed = Buffer.from(text, 'base64');
      if (sealed.length <= NONCE + TAG) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG });
      decipher.setAuthTag(sealed.subarray(-TAG));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
