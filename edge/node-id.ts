import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Failure, failure } from '../shared/domain/failure.ts';
import { createId } from '../shared/domain/id.ts';
import { err, ok, type Result } from '../shared/domain/result.ts';
import { errorCode } from './listen/address.ts';

/** The id of the node that serves from `dataDir`, made on its first start. Fails with `data_unwritable`. */
export function readNodeId(dataDir: string): Result<string, Failure> {
  const file = join(dataDir, 'node-id');
  try {
    const id = readFileSync(file, 'utf8').trim();
    if (/^[0-9a-z]{26}$/.test(id)) return ok(id);
  } catch {
    // Missing or unreadable: made below, which tells whether the folder can be written.
  }
  try {
    const id = createId(Date.now(), randomBytes);
    const draft = `${file}.draft`;
    writeFileSync(draft, `${id}\n`, { mode: 0o600 });
    renameSync(draft, file);
    return ok(id);
  } catch (error) {
    const reason = errorCode(error) || String(error);
    return err(failure('data_unwritable', { path: dataDir, reason }));
  }
}
