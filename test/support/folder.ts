import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** An empty folder for one test, removed afterwards. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-unit-'));
  return { path: dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }) };
}
