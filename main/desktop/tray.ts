import path from 'node:path';
import { Menu, type MenuItemConstructorOptions, nativeImage, Tray } from 'electron';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { type TrayAction, type TrayMenu, type TrayRow, trayMenu } from '../app/tray-menu.ts';

function item(row: TrayRow, run: (action: TrayAction) => void): MenuItemConstructorOptions {
  switch (row.kind) {
    case 'words':
      return { label: row.label, enabled: false };
    case 'separator':
      return { type: 'separator' };
    case 'action':
      return { label: row.label, click: () => run(row.action) };
    case 'toggle':
      return { label: row.label, type: 'checkbox', checked: row.checked, click: () => run(row.action) };
    case 'submenu':
      return { label: row.label, submenu: row.rows.map((inner) => item(inner, run)) };
  }
}

/**
 * Puts the tray up and returns how to show a state in it. Some Linux hosts open the menu on any click and never send
 * one, and keep the menu they were given: everything is in the menu, and it is set again after every change.
 */
export function createTray(icons: string, run: (action: TrayAction) => void): (state: AgentState) => void {
  const suffix = process.platform === 'darwin' ? 'Template' : '';
  const image = (mark: TrayMenu['mark']) => nativeImage.createFromPath(path.join(icons, `tray-${mark}${suffix}.png`));
  const tray = new Tray(image('connecting'));
  if (process.platform !== 'darwin') tray.on('click', () => run({ do: 'open-window' }));
  let shown = '';
  return (state) => {
    const menu = trayMenu(state);
    const text = JSON.stringify(menu);
    if (text === shown) return;
    shown = text;
    tray.setImage(image(menu.mark));
    tray.setToolTip(menu.tooltip);
    tray.setContextMenu(Menu.buildFromTemplate(menu.rows.map((row) => item(row, run))));
  };
}
