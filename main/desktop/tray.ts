import path from 'node:path';
import { Menu, nativeImage, nativeTheme, Tray } from 'electron';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { trayIcon } from '../app/tray-icon.ts';
import { type TrayAction, type TrayMenu, trayMenu } from '../app/tray-menu.ts';
import { menuTemplate } from '../app/tray-template.ts';

/**
 * Puts the tray up and returns how to show a state in it. Some Linux hosts open the menu on any click and never send
 * one, and keep the menu they were given: everything is in the menu, and it is set again after every change.
 */
export function createTray(icons: string, run: (action: TrayAction) => void): (state: AgentState) => void {
  const { platform, env } = process;
  let mark: TrayMenu['mark'] = 'connecting';
  const image = () => {
    // Windows' panel may be dark beside light windows; Linux doesn't tell of its panels.
    const dark = nativeTheme[platform === 'win32' ? 'shouldUseDarkColorsForSystemIntegratedUI' : 'shouldUseDarkColors'];
    return nativeImage.createFromPath(
      path.join(icons, trayIcon(mark, { platform, dark, desktop: env.XDG_CURRENT_DESKTOP })),
    );
  };
  const tray = new Tray(image());
  if (platform !== 'darwin') tray.on('click', () => run({ do: 'open-window' }));
  nativeTheme.on('updated', () => tray.setImage(image()));
  let shown = '';
  return (state) => {
    const menu = trayMenu(state);
    const text = JSON.stringify(menu);
    if (text === shown) return;
    shown = text;
    mark = menu.mark;
    tray.setImage(image());
    tray.setToolTip(menu.tooltip);
    tray.setContextMenu(Menu.buildFromTemplate(menuTemplate(menu.rows, run)));
  };
}
