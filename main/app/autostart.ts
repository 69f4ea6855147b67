import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import type { LoginItem } from './host.ts';

/** An argument as the Exec key of a desktop entry takes it (Desktop Entry Specification, "The Exec key"). */
const quoted = (argument: string): string =>
  `"${argument.replace(/[\\"`$]/g, (c) => `\\\\${c === '\\' ? '\\\\' : c}`).replace(/%/g, '%%')}"`;

/**
 * Starting at login on Linux desktops: an entry in the user's autostart folder (XDG autostart specification), because
 * Electron's own setting does nothing there. `command` is the program and its arguments.
 */
export function createAutostart(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  homedir: string,
): LoginItem {
  const config = env.XDG_CONFIG_HOME?.startsWith('/') === true ? env.XDG_CONFIG_HOME : join(homedir, '.config');
  const file = join(config, 'autostart', 'porthole.desktop');
  const entry = [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Porthole',
    'Comment=Publish what runs on this laptop',
    `Exec=${command.map(quoted).join(' ')}`,
    'Icon=porthole',
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
  return {
    set(enabled): Result<null, Failure> {
      try {
        if (!enabled) {
          rmSync(file, { force: true });
          return ok(null);
        }
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, entry, { mode: 0o644 });
        return ok(null);
      } catch (error) {
        return err(failure('home_unwritable', { path: dirname(file), reason: systemReason(error) }));
      }
    },
  };
}
