import { accessSync, chmodSync, constants, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because, type Reason } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { systemCode, systemReason } from '../../shared/node/system-reason.ts';

export interface Platform {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder, as `os.homedir()` has it. */
  readonly homedir: string;
}

/**
 * Where Porthole keeps everything: `PORTHOLE_HOME`, else the platform's folder for application data
 * (`$XDG_DATA_HOME/porthole`, `~/Library/Application Support/Porthole`, `%APPDATA%\Porthole`). Always absolute.
 */
export function resolveHome({ platform, env, homedir }: Platform): string {
  if (env.PORTHOLE_HOME) return resolve(env.PORTHOLE_HOME);
  if (platform === 'darwin') return join(homedir, 'Library', 'Application Support', 'Porthole');
  if (platform === 'win32') return join(env.APPDATA || join(homedir, 'AppData', 'Roaming'), 'Porthole');
  // The XDG base directory specification: relative values are invalid and ignored.
  const data = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(homedir, '.local', 'share');
  return join(data, 'porthole');
}

/**
 * Creates the folder (0700) if need be and sees that it can be written. A folder that others may read is closed to
 * them: it holds the agent's credential. Fails with `home_unwritable`.
 */
export function openHome(path: string): Result<string, Failure> {
  const refuse = (reason: Reason) => err(failure('home_unwritable', { path, reason }));
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = statSync(path);
    if (!stat.isDirectory()) return refuse(because('not_folder'));
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    if (process.platform !== 'win32' && stat.uid === process.getuid?.() && (stat.mode & 0o077) !== 0)
      chmodSync(path, 0o700);
    return ok(path);
  } catch (error) {
    return refuse(['EEXIST', 'ENOTDIR'].includes(systemCode(error)) ? because('not_folder') : systemReason(error));
  }
}
