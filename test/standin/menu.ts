/// <reference types="electron" />
/** `electron.Menu`, `electron.Tray` and `electron.nativeImage`: kept, not drawn. */
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { runtime } from './app.ts';
import { strict, strictClass } from './strict.ts';

type Template = Electron.MenuItemConstructorOptions;

class MenuItem {
  readonly label: string;
  readonly type: NonNullable<Template['type']>;
  readonly enabled: boolean;
  readonly submenu: StandinMenu | undefined;
  checked: boolean;
  readonly #click: (() => void) | undefined;

  constructor(template: Template) {
    const { label, type, submenu, role, click } = template;
    if (label === undefined && role === undefined && type !== 'separator')
      throw new Error('Invalid template for MenuItem: must have at least one of label, role or type');
    if (role !== undefined) throw new Error('stand-in: menu roles are not implemented');
    this.label = label ?? '';
    this.type = type ?? (submenu === undefined ? 'normal' : 'submenu');
    this.enabled = template.enabled ?? true;
    this.checked = template.checked ?? false;
    this.submenu = Array.isArray(submenu) ? StandinMenu.buildFromTemplate(submenu) : undefined;
    this.#click = click as (() => void) | undefined;
  }

  /** As if a person chose it. */
  click(): void {
    if (!this.enabled) return;
    if (this.type === 'checkbox') this.checked = !this.checked;
    this.#click?.();
  }
}

class StandinMenu {
  readonly items: readonly MenuItem[];

  private constructor(items: readonly MenuItem[]) {
    this.items = items;
  }

  static buildFromTemplate(template: readonly Template[]): StandinMenu {
    return new StandinMenu(template.map((item) => new MenuItem(item)));
  }
}

interface Image {
  readonly file: string;
  isEmpty(): boolean;
}

export const nativeImage = strict(
  {
    createFromPath: (file: string): Image => {
      const image = existsSync(file) && readFileSync(file).toString('latin1', 1, 4) === 'PNG';
      return strict({ file, isEmpty: () => !image }, 'NativeImage');
    },
  },
  'nativeImage',
);

/** A row of a menu, as a test may look at it and choose it. */
export interface ShownItem {
  readonly label: string;
  readonly submenu: { readonly items: readonly ShownItem[] } | undefined;
  click(): void;
}
export interface ShownTray {
  /** The file of the icon that is shown. */
  readonly icon: string;
  readonly toolTip: string;
  readonly menu: { readonly items: readonly ShownItem[] } | undefined;
}

/** Every tray of the app, for tests. */
export const trays: ShownTray[] = [];

class StandinTray extends EventEmitter {
  image: Image;
  toolTip = '';
  menu: StandinMenu | undefined;

  constructor(image: Image) {
    super();
    if (!runtime.ready) throw new Error('Cannot create Tray before app is ready');
    this.image = image;
    this.setImage(image);
    trays.push(this);
  }
  /** Electron would show nothing for an empty image; a tray nobody sees is a fault. */
  setImage(image: Image): void {
    if (image.isEmpty()) throw new Error(`stand-in: the tray's image ${image.file} is not there`);
    this.image = image;
  }
  get icon(): string {
    return this.image.file;
  }
  setToolTip(text: string): void {
    this.toolTip = text;
  }
  setContextMenu(menu: StandinMenu): void {
    this.menu = menu;
  }
}

export const Menu = strictClass(StandinMenu, 'Menu');
export const Tray = strictClass(StandinTray, 'Tray');
