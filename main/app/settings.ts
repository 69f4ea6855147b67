import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import { setAside } from './private-file.ts';

const port = z.int().min(1).max(65535);

/** What this laptop's user has allowed one cluster to reach. What was allowed to one is not allowed to the next. */
const allowedTargets = z
  .array(
    z.object({
      /** The service that it is allowed for; earlier versions didn't say. */
      service: z.string().min(1).max(64).optional(),
      type: z.enum(['agent', 'host', 'domain', 'subnet', 'unix']),
      host: z.string().min(1).max(253),
      port: z.int().min(0).max(65535),
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
  preferences: z
    .looseObject({
      language: z.enum(['en', 'de']).optional(),
      startAtLogin: z.boolean(),
      notifications: z.boolean(),
      quiet: z.object({ from: z.string(), to: z.string() }).optional(),
      checkForUpdates: z.boolean(),
    })
    .optional(),
  /** The user has taken this laptop offline. */
  paused: z.boolean().optional(),
  /** Where newer versions of the desktop app are looked for: a folder on a web server, by https. */
  updateFeed: z.string().max(2048).optional(),
  /** The user was told that closing the window leaves Porthole running. */
  toldOfHiding: z.boolean().optional(),
  /** SHA-256 of the private CAs that `porthole trust` installed here. */
  trusted: z.array(z.string()).max(100),
  /** Services of other laptops that the user doesn't let reach this one; their ids, the latest last. */
  refusedGuests: z.array(z.string().max(64)).max(1000).optional(),
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

/** `settings.json`, as `conf` and `electron-store` have it: read anew on every get, written whole on every set. */
export interface SettingsFile {
  store: Record<string, unknown>;
}

/** The file's name without `.json`. */
export const SETTINGS_NAME = 'settings';

/** What every opener hands its library, so that all of them read and write one and the same file. */
export const SETTINGS_FILE = {
  fileExtension: 'json',
  configFileMode: 0o600,
  // Wiped is what a damaged file would be otherwise.
  clearInvalidConfig: false,
  accessPropertiesByDotNotation: false,
  deserialize: parseObject,
} as const;

/**
 * The settings in a file that `open` opens. A file that is not JSON or not settings is set aside, never overwritten.
 * `open` throws a SyntaxError for the first, and the system's error where it can't read.
 */
export function createSettings(
  home: string,
  open: () => SettingsFile,
  now: () => number = Date.now,
): Result<SettingsStore, Failure> {
  const refuse = (error: unknown) => err(failure('home_unwritable', { path: home, reason: systemReason(error) }));
  let file: SettingsFile;
  let settings: Settings;
  let aside: string | undefined;
  try {
    const read = readFile(open);
    if (read === undefined) aside = setAside(join(home, `${SETTINGS_NAME}.json`), now());
    file = read?.file ?? open();
    settings = read?.settings ?? DEFAULTS;
  } catch (error) {
    return refuse(error);
  }
  return ok({
    setAside: aside,
    get: () => settings,
    set(patch) {
      // As JSON has it: without what is undefined, at any depth.
      const next: Settings = settingsSchema.parse(JSON.parse(JSON.stringify({ ...settings, ...patch })));
      try {
        write(file, next, settings);
      } catch (error) {
        return refuse(error);
      }
      settings = next;
      return ok(settings);
    },
  });
}

function readFile(open: () => SettingsFile): { file: SettingsFile; settings: Settings } | undefined {
  try {
    const file = open();
    const read = settingsSchema.safeParse({ ...DEFAULTS, ...file.store });
    return read.success ? { file, settings: read.data } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Writes `next`, and reads it back: the libraries write with a single system call, of which a disk that runs full may
 * take just a part, without an error. Then `before` is put back.
 */
function write(file: SettingsFile, next: Settings, before: Settings): void {
  file.store = { ...next };
  try {
    if (isDeepStrictEqual(plain(file.store), plain(next))) return;
  } catch {
    // Not even JSON any more.
  }
  file.store = { ...before };
  throw new Error('it was not written whole');
}

/** Objects of the libraries have no prototype. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));

/** Throws a SyntaxError for what is not an object: `[]` or `null` would be taken for an empty one, and overwritten. */
function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new SyntaxError('not an object');
}
