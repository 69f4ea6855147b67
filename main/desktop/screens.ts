import { protocol, session } from 'electron';
import { answerScreen, loadScreens } from '../app/screens.ts';

/** The origin of every page of the app. */
export const ORIGIN = 'app://porthole';

/** Must run before the app is ready: a standard, secure scheme gives the pages an origin of their own. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Serves the built renderer at `app://porthole/`, and refuses every permission: Electron grants them by default. */
export async function serveScreens(folder: string): Promise<void> {
  const files = await loadScreens(folder);
  protocol.handle('app', ({ url, method }) => answerScreen(files, method, URL.parse(url), 'porthole'));
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  session.defaultSession.setPermissionCheckHandler(() => false);
}
