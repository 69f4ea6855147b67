import type { TrayAction, TrayRow } from './tray-menu.ts';

/** A row as menus of desktop shells take it; the shape is Electron's `MenuItemConstructorOptions`. */
export interface MenuTemplate {
  readonly label?: string;
  readonly type?: 'checkbox' | 'separator';
  readonly enabled?: boolean;
  readonly checked?: boolean;
  readonly click?: () => void;
  readonly submenu?: MenuTemplate[];
}

/** An ampersand marks a key in menus of Windows and Linux; two of them are one. */
const plain = (label: string): string => label.replaceAll('&', '&&');

function item(row: TrayRow, run: (action: TrayAction) => void): MenuTemplate {
  switch (row.kind) {
    case 'words':
      return { label: plain(row.label), enabled: false };
    case 'separator':
      return { type: 'separator' };
    case 'action':
      return { label: plain(row.label), click: () => run(row.action) };
    case 'toggle':
      return { label: plain(row.label), type: 'checkbox', checked: row.checked, click: () => run(row.action) };
    case 'submenu':
      return { label: plain(row.label), submenu: menuTemplate(row.rows, run) };
  }
}

/** The menu's rows for a desktop shell; `run` does what is chosen. */
export const menuTemplate = (rows: readonly TrayRow[], run: (action: TrayAction) => void): MenuTemplate[] =>
  rows.map((row) => item(row, run));
