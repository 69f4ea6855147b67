import type { Preferences } from '../../../shared/contract/agent-state.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/contract/agent-state.ts';
import type { PreferencesPatch } from '../../../shared/contract/ipc.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import type { SettingsStore } from '../settings.ts';
import type { Context, Handlers } from './context.ts';

type PreferenceChannel = 'agent:pause' | 'preferences:set' | 'app:diagnostics' | 'update:look' | 'update:install';

/** What the user has chosen, complete. */
export const preferencesOf = (settings: SettingsStore): Preferences => {
  const { language, startAtLogin, notifications, quiet, checkForUpdates } = {
    ...DEFAULT_PREFERENCES,
    ...settings.get().preferences,
  };
  return {
    ...(language === undefined ? {} : { language }),
    startAtLogin,
    notifications,
    ...(quiet === undefined ? {} : { quiet }),
    checkForUpdates,
  };
};

function change(before: Preferences, patch: PreferencesPatch): Preferences {
  const { language: _language, quiet: _quiet, ...rest } = before;
  const language = patch.language === undefined ? before.language : (patch.language ?? undefined);
  const quiet = patch.quiet === undefined ? before.quiet : (patch.quiet ?? undefined);
  return {
    ...rest,
    ...(language === undefined ? {} : { language }),
    ...(quiet === undefined ? {} : { quiet }),
    ...(patch.startAtLogin === undefined ? {} : { startAtLogin: patch.startAtLogin }),
    ...(patch.notifications === undefined ? {} : { notifications: patch.notifications }),
    ...(patch.checkForUpdates === undefined ? {} : { checkForUpdates: patch.checkForUpdates }),
  };
}

/** What is chosen for this laptop as a whole. */
export function preferenceHandlers(context: Context): Handlers<PreferenceChannel> {
  return {
    'agent:pause': async ({ paused }) => context.setPaused(paused),
    async 'preferences:set'(patch) {
      const { settings, host } = context;
      const before = preferencesOf(settings);
      const after = change(before, patch);
      if (after.startAtLogin !== before.startAtLogin) {
        const set = host.loginItem?.set(after.startAtLogin);
        if (set === undefined)
          return err(failure('input_invalid', { reason: because('no_login_item') }, 'startAtLogin'));
        if (!set.ok) return set;
      }
      const kept = settings.set({ preferences: { ...after } });
      if (!kept.ok) return kept;
      context.touch();
      return ok(after);
    },
    'app:diagnostics': async () => ok({ text: context.diagnostics() }),
    async 'update:look'() {
      const { updates } = context.host;
      if (updates === undefined) return err(failure('input_invalid', { reason: because('no_updates') }));
      updates.look();
      return ok(null);
    },
    async 'update:install'() {
      const { updates } = context.host;
      const { update } = context.state();
      if (updates === undefined || update === undefined)
        return err(failure('input_invalid', { reason: because('no_update') }));
      if (update.state === 'ready') updates.install();
      else updates.download();
      return ok(null);
    },
  };
}
