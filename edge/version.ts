import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version of the Porthole that the entry file in `from` belongs to: beside the sources or in a bundle's folder. */
export function findVersion(from: string): string {
  for (let folder = from, up = 0; up < 4; folder = dirname(folder), up++) {
    try {
      const about: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (typeof about === 'object' && about !== null && 'version' in about && typeof about.version === 'string')
        return about.version;
    } catch {
      // Not in this folder; the next one up may have it.
    }
  }
  return 'unknown';
}
