import { join } from 'node:path';
import { z } from 'zod';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { systemReason } from './home.ts';
import { readIfPresent, setAside, writePrivate } from './private-file.ts';

const port = z.int().min(1).max(65535);

/** What this laptop's user has allowed one cluster to reach. What was allowed to one is not allowed to the next. */
const allowedTargets = z
  .array(
    z.object({
      type: z.enum(['agent', 'host', 'domain', 'subnet']),
      host: z.string().min(1).max(253),
      port,
      udp: z.boolean().optional(),
      subnet: z.string().max(64).optional(),
    }),
  )
  .max(10_000);

/** Sections that a later version adds are kept when this one writes, so that going back a version loses nothing. */
const settingsSchema = z.looseObject({
  /** The embedded edge: its ports stay the same over restarts so that URLs do. */
  embedded: z.object({
    httpsPort: port.optional(),
    httpPort: port.optional(),
    /** The agent's id at it, once joined; its credential lives in the vault. */
    agentId: z.string().optional(),
    allowed: allowedTargets,
  }),
  /** The cluster that this laptop joined instead. */
  joined: z
    .object({
      host: z.string(),
      port,
      domain: z.string(),
      agentId: z.string(),
      /** Where the credential was put. */
      vault: z.enum(['keychain', 'safe-storage', 'file', 'memory']),
      /** How its certificate is checked: by public CAs when neither is given. */
      caPem: z.string().optional(),
      fingerprint: z.string().optional(),
      allowed: allowedTargets,
    })
    .optional(),
  /** SHA-256 of the private CAs that `porthole trust` installed here. */
  trusted: z.array(z.string()).max(100),
});
export type Settings = z.output<typeof settingsSchema>;
export type SettingsPatch = { readonly [K in keyof Settings]?: Settings[K] | undefined };

const DEFAULTS: Settings = { embedded: { allowed: [] }, trusted: [] };

export interface SettingsStore {
  get(): Settings;
  /** Merges at the top level (`undefined` removes a key) and writes at once. The old settings stay on a failure. */
  set(patch: SettingsPatch): Result<Settings, Failure>;
  /** Where a damaged file was moved to when this store was opened. */
  readonly setAside: string | undefined;
}

/** Reads `settings.json` in `home`. One that is not JSON or not settings is set aside, never overwritten. */
export function openSettings(home: string, now: () => number = Date.now): Result<SettingsStore, Failure> {
  const path = join(home, 'settings.json');
  let settings = DEFAULTS;
  let aside: string | undefined;
  try {
    const text = readIfPresent(path);
    const read = text === undefined ? DEFAULTS : parse(text);
    if (read === undefined) aside = setAside(path, now());
    else settings = read;
  } catch (error) {
    return err(failure('home_unwritable', { path: home, reason: systemReason(error) }));
  }
  return ok({
    setAside: aside,
    get: () => settings,
    set(patch) {
      const next = { ...settings, ...patch };
      for (const key of Object.keys(patch)) if (patch[key] === undefined) delete next[key];
      try {
        writePrivate(path, `${JSON.stringify(next, null, 2)}\n`);
      } catch (error) {
        return err(failure('home_unwritable', { path: home, reason: systemReason(error) }));
      }
      settings = settingsSchema.parse(next);
      return ok(settings);
    },
  });
}

function parse(text: string): Settings | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const merged = typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...DEFAULTS, ...json } : json;
  const read = settingsSchema.safeParse(merged);
  return read.success ? read.data : undefined;
}
