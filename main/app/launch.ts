/** The argument of a start at which no window opens: the tray is there, and the services. */
export const HIDDEN = '--hidden';

export interface Program {
  readonly execPath: string;
  /** False when Electron is given the app's folder. */
  readonly packaged: boolean;
  readonly appPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * What starts this very app again, hidden. An AppImage runs from a place that is gone with it; its file is in
 * `APPIMAGE`.
 */
export function hiddenStart({ execPath, packaged, appPath, env }: Program): readonly [string, ...string[]] {
  if (!packaged) return [execPath, appPath, HIDDEN];
  return [env.APPIMAGE?.startsWith('/') === true ? env.APPIMAGE : execPath, HIDDEN];
}
