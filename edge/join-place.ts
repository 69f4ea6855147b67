import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Where laptops find an edge, and how they tell its certificate. */
export interface JoinPlace {
  readonly domain: string;
  readonly httpsPort: number;
  /** SHA-256 of its private CA, where it has one; laptops know public ones by themselves. */
  readonly fingerprint?: string;
}

const FILE = 'join.json';

const schema = z.object({
  domain: z.string().min(1).max(253),
  httpsPort: z.int().min(1).max(65535),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .exactOptional(),
}) satisfies z.ZodType<JoinPlace>;

/** Notes in the data folder how this edge is joined, for `token create`. False when it can't be written. */
export function keepJoinPlace(dataDir: string, place: JoinPlace): boolean {
  const path = join(dataDir, FILE);
  const next = `${path}.${process.pid}`;
  try {
    writeFileSync(next, `${JSON.stringify(place)}\n`, { mode: 0o600 });
    renameSync(next, path);
    return true;
  } catch {
    rmSync(next, { force: true });
    return false;
  }
}

/** What was noted last; `undefined` when nothing was, or nothing that can be read. */
export function readJoinPlace(dataDir: string): JoinPlace | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(readFileSync(join(dataDir, FILE), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the laptop's user types to join with `token`, as far as it is known: `address` (HOST or HOST:PORT) is where the
 * operator says that the edge is reached, which may be another place than where it listens.
 */
export function joinCommand(token: string, place: JoinPlace | undefined, address?: string): string {
  const pin = place?.fingerprint === undefined ? '' : ` --fingerprint ${place.fingerprint}`;
  return `porthole join https://${whereIs(place, address) ?? 'ADDRESS-OF-THE-EDGE'} --token ${token}${pin}`;
}

/** The same as a link for the app; `undefined` while nobody has said where the edge is. */
export function joinLink(token: string, place: JoinPlace | undefined, address?: string): string | undefined {
  const where = whereIs(place, address);
  const pin = place?.fingerprint === undefined ? '' : `&fingerprint=${place.fingerprint}`;
  return where === undefined ? undefined : `porthole://join/${where}?token=${token}${pin}`;
}

function whereIs(place: JoinPlace | undefined, address: string | undefined): string | undefined {
  if (address !== undefined || place === undefined) return address;
  return place.httpsPort === 443 ? place.domain : `${place.domain}:${place.httpsPort}`;
}

/** Whether `text` is HOST or HOST:PORT, fit to stand in a URL and in a shell. */
export const isJoinAddress = (text: string): boolean =>
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::\d{1,5})?$/.test(text) &&
  text.length <= 260 &&
  URL.canParse(`https://${text}`);
