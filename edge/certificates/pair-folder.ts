import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { accessReason, type PairPaths } from './pair-files.ts';

/** What a folder holds that matters. */
export interface FolderContent {
  /** By path, so that the order is the same every time. */
  readonly pairs: readonly PairPaths[];
  /** The folder itself and those right under it: changes in them matter. */
  readonly folders: readonly string[];
  /** There is more than was looked at. */
  readonly cut: boolean;
}

export interface FolderLimits {
  /** Entries looked at, in the folder and those under it together. */
  readonly entries: number;
  readonly pairs: number;
  readonly folders: number;
}

export const FOLDER_LIMITS: FolderLimits = { entries: 20_000, pairs: 2_000, folders: 1_000 };

/**
 * The pairs in `folder` and in the folders right under it: `x.crt` or `x.pem` with `x.key`, and `fullchain.pem` with
 * `privkey.pem`. Certificates without a key, such as a chain on its own, are none. Hidden entries are left out; with
 * them go the folders that Kubernetes swaps (`..data`), whose files have links beside them. The error says in words why
 * the folder can't be read; folders under it that can't be read count as empty.
 */
export async function listFolder(
  folder: string,
  limits: FolderLimits = FOLDER_LIMITS,
): Promise<Result<FolderContent, string>> {
  const budget = { entries: limits.entries, cut: false };
  const top = await namesIn(folder, budget);
  if (!top.ok) return top;
  const folders = [folder];
  const pairs = pairsAmong(folder, top.value.files);
  for (const name of top.value.folders.sort()) {
    if (folders.length > limits.folders) budget.cut = true;
    if (budget.cut) break;
    const path = join(folder, name);
    const inner = await namesIn(path, budget);
    if (!inner.ok) continue;
    folders.push(path);
    pairs.push(...pairsAmong(path, inner.value.files));
  }
  return ok({ pairs: pairs.slice(0, limits.pairs), folders, cut: budget.cut || pairs.length > limits.pairs });
}

interface Names {
  readonly files: Set<string>;
  readonly folders: string[];
}

async function namesIn(folder: string, budget: { entries: number; cut: boolean }): Promise<Result<Names, string>> {
  const names: Names = { files: new Set(), folders: [] };
  try {
    for await (const entry of await opendir(folder)) {
      if (budget.entries-- <= 0) {
        budget.cut = true;
        break;
      }
      if (entry.name.startsWith('.')) continue;
      if (PAIR_FILE.test(entry.name)) names.files.add(entry.name);
      else if (await isFolder(folder, entry)) names.folders.push(entry.name);
    }
    return ok(names);
  } catch (error) {
    return err(accessReason(error, 'it'));
  }
}

const PAIR_FILE = /\.(?:crt|pem|key)$/;

async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (entry.isDirectory()) return true;
  // File systems that don't tell the kind of an entry make it none at all.
  if (entry.isFile()) return false;
  const found = await stat(join(folder, entry.name)).catch(() => undefined);
  return found?.isDirectory() === true;
}

function pairsAmong(folder: string, files: ReadonlySet<string>): PairPaths[] {
  const pairs: PairPaths[] = [];
  for (const file of [...files].sort()) {
    const key = keyNameOf(file, files);
    if (key !== undefined && files.has(key)) pairs.push({ cert: join(folder, file), key: join(folder, key) });
  }
  return pairs;
}

function keyNameOf(file: string, files: ReadonlySet<string>): string | undefined {
  if (file === 'fullchain.pem' && files.has('privkey.pem')) return 'privkey.pem';
  if (file.endsWith('.crt')) return `${file.slice(0, -4)}.key`;
  // Beside `x.crt`, `x.pem` is mostly the same or the chain.
  if (file.endsWith('.pem') && !files.has(`${file.slice(0, -4)}.crt`)) return `${file.slice(0, -4)}.key`;
  return undefined;
}
