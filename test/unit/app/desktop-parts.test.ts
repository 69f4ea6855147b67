import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linkIn, linkOf } from '../../../main/app/deep-link.ts';
import { hiddenStart } from '../../../main/app/launch.ts';
import { trayIcon } from '../../../main/app/tray-icon.ts';
import { menuTemplate } from '../../../main/app/tray-template.ts';

const ICONS = join(import.meta.dirname, '../../../build/icons');
const MARKS = ['off', 'connecting', 'on', 'attention', 'error'] as const;

describe('the tray’s icons', () => {
  const panels = ['linux', 'darwin', 'win32'].flatMap((platform) =>
    [true, false].map((dark) => ({ platform, dark, desktop: undefined })),
  );

  it.each(panels)('are there for every state on %o, finer ones beside them', (panel) => {
    const files = new Set(readdirSync(ICONS));
    for (const mark of MARKS) {
      const file = trayIcon(mark, panel);
      expect(files).toContain(file);
      if (file.endsWith('.png')) expect(files).toContain(file.replace('.png', '@2x.png'));
    }
  });

  it('differ from state to state, and hold every size that Windows asks for', () => {
    const bytes = MARKS.map((mark) => readFileSync(join(ICONS, `tray-${mark}-dark.ico`)));
    expect(new Set(bytes.map((icon) => icon.toString('latin1'))).size).toBe(MARKS.length);
    for (const icon of bytes) {
      const sizes = Array.from({ length: icon.readUInt16LE(4) }, (_, i) => icon.readUInt8(6 + 16 * i));
      expect(sizes).toEqual([16, 20, 24, 32, 40, 48, 64]);
    }
  });

  it('are light on a panel that is black whatever the windows are', () => {
    const on = (desktop: string) => trayIcon('on', { platform: 'linux', dark: false, desktop });
    expect([on('ubuntu:GNOME'), on('KDE')]).toEqual(['tray-on-dark.png', 'tray-on-light.png']);
  });
});

it('the menu’s rows reach a shell with their names whole, where an ampersand would mark a key', () => {
  const chosen: unknown[] = [];
  const [words, separator, toggle, more] = menuTemplate(
    [
      { kind: 'words', label: 'Q&A' },
      { kind: 'separator' },
      { kind: 'toggle', label: 'Public', checked: true, action: { do: 'pause', paused: true } },
      { kind: 'submenu', label: 'More', rows: [{ kind: 'action', label: 'Quit', action: { do: 'quit' } }] },
    ],
    (action) => void chosen.push(action),
  );
  expect(words).toEqual({ label: 'Q&&A', enabled: false });
  expect(separator).toEqual({ type: 'separator' });
  expect(toggle).toMatchObject({ type: 'checkbox', checked: true });
  toggle?.click?.();
  more?.submenu?.[0]?.click?.();
  expect(chosen).toEqual([{ do: 'pause', paused: true }, { do: 'quit' }]);
});

describe('a link to Porthole', () => {
  it('is found among the arguments of a start', () => {
    expect(linkIn(['/opt/porthole', '--hidden', 'porthole://join/edge.example.com'])).toBe(
      'porthole://join/edge.example.com',
    );
    expect(linkIn(['/opt/porthole', 'https://edge.example.com'])).toBeUndefined();
  });

  it('is of our scheme, of a length that is one, and readable', () => {
    expect(linkOf('portholes://join/x')).toBeUndefined();
    expect(linkOf('javascript:porthole://')).toBeUndefined();
    expect(linkOf(`porthole://join/${'x'.repeat(20_000)}`)).toBeUndefined();
  });
});

describe('what starts at login', () => {
  const program = { execPath: '/usr/bin/porthole', packaged: true, appPath: '/app', env: {} };

  it('is this program, hidden', () => {
    expect(hiddenStart(program)).toEqual(['/usr/bin/porthole', '--hidden']);
    expect(hiddenStart({ ...program, packaged: false })).toEqual(['/usr/bin/porthole', '/app', '--hidden']);
  });

  it('is an AppImage’s own file, not the place that it is unpacked to for now', () => {
    const env = { APPIMAGE: '/home/ada/Porthole.AppImage' };
    expect(hiddenStart({ ...program, env })).toEqual(['/home/ada/Porthole.AppImage', '--hidden']);
  });
});
