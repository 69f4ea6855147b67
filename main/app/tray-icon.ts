import type { TrayMenu } from './tray-menu.ts';

export interface Panel {
  readonly platform: string;
  /** Whether the system draws its own surfaces dark. */
  readonly dark: boolean;
  /** Names of the desktop, `XDG_CURRENT_DESKTOP`. */
  readonly desktop: string | undefined;
}

/** Desktops whose panel is black whatever the windows are. */
const BLACK_PANEL = /(?:^|:)(?:GNOME|Unity)(?:$|:|-)/i;

/**
 * The file of a mark in `build/icons`. macOS colours its template images itself, and takes the one with `@2x` where it
 * is finer; a Windows icon holds every size.
 */
export function trayIcon(mark: TrayMenu['mark'], { platform, dark, desktop }: Panel): string {
  if (platform === 'darwin') return `tray-${mark}Template.png`;
  const panel = dark || (platform === 'linux' && BLACK_PANEL.test(desktop ?? '')) ? 'dark' : 'light';
  return `tray-${mark}-${panel}.${platform === 'win32' ? 'ico' : 'png'}`;
}
