import ElectronStore from 'electron-store';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import { createSettings, SETTINGS_FILE, SETTINGS_NAME, type SettingsStore } from '../app/settings.ts';

/** The settings in `home` by `electron-store`: the same file that the other hosts keep by `conf`, its base. */
export async function openElectronSettings(home: string, now?: () => number): Promise<Result<SettingsStore, Failure>> {
  return createSettings(home, () => new ElectronStore({ ...SETTINGS_FILE, cwd: home, name: SETTINGS_NAME }), now);
}
