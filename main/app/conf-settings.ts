import type { Failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import { createSettings, SETTINGS_FILE, SETTINGS_NAME, type SettingsStore } from './settings.ts';

/** The settings in `home` by `conf`: for hosts without Electron. */
export async function openConfSettings(home: string, now?: () => number): Promise<Result<SettingsStore, Failure>> {
  // It takes 50 ms to load, and most commands only talk to an app that runs already.
  const { default: Conf } = await import('conf');
  return createSettings(home, () => new Conf({ ...SETTINGS_FILE, cwd: home, configName: SETTINGS_NAME }), now);
}
