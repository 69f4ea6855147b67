/** The count of controls: what can be operated on a page, and which spec does it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';

/** The words with which the names of controls begin, by the spec that operates them and looks at what that does. */
const OPERATED: Readonly<Record<string, readonly string[]>> = {
  'keyboard.spec.ts': ['Skip to content', 'Requests'],
  'services.spec.ts': [
    ...['Services', 'Access log', 'Settings', 'Quit'],
    ...['Make public', 'Copy URL', 'More for', 'Open', 'Edit', 'Rename', 'Remove', 'Name', 'Cancel'],
  ],
  'sharing.spec.ts': [
    ...['Share', 'Copy', 'Show as QR code', 'Protect it', 'Close'],
    ...['All services', 'Details', 'Authentication', 'Address'],
  ],
  'editor.spec.ts': [
    ...['Path', 'Runs', 'Port', 'Speaks', 'Add a path'],
    ...['Password', 'PIN', 'Sign-in', 'Share links', 'Add a header'],
    ...[
      'Access control',
      'Let in only',
      'Keep out',
      'are treated like all others',
      'come in, and are marked',
      'are kept out',
    ],
    ...['Give your server the visitor’s Host', 'Make redirects and cookies public', 'Speak HTTP/2 with it'],
    ...['Give up connecting after', 'Wait for an answer at most'],
  ],
  'log.spec.ts': [
    ...['Search path, host, address or browser', 'Service', 'Add filter', 'Pause', 'Export'],
    ...['Show only', 'Copy as curl', 'Charts', '15 minutes', '1 hour', '24 hours', '7 days'],
  ],
  'inspector.spec.ts': ['Inspector', 'Inspect requests', 'Filter by path or type', 'Method', 'Status', 'Forget all'],
  'connection.spec.ts': ['Connection', 'Diagnose', 'Join link', 'Look at it'],
  'settings.spec.ts': [
    ...['Language', 'Start at login', 'Pause everything', 'Copy diagnostics'],
    ...['Tell me by notifications', 'Quiet hours'],
  ],
  'trust.spec.ts': ['Use https', 'Trust it'],
};

const ROLES = 'button|link|switch|textbox|searchbox|combobox|checkbox|radio|tab|menuitem|menuitemcheckbox|listbox';
const CONTROL = new RegExp(String.raw`^\s*- '?(?:${ROLES}) "((?:[^"\\]|\\.)*)"`, 'gm');

/** Accessible names of everything on the page that can be operated. */
export async function controlsOn(page: Page): Promise<readonly string[]> {
  const tree = await page.locator('body').ariaSnapshot();
  return [...tree.matchAll(CONTROL)].map(([, name = '']) => name);
}

/** So short a word may be the beginning of anything, and has to be all of the name. */
const SHORT = 6;

/** Whether some spec operates the control of that name. */
export const isOperated = (name: string): boolean =>
  Object.values(OPERATED)
    .flat()
    .some((words) => name.replace(/…$/, '') === words || (words.length > SHORT && name.startsWith(words)));

/** What is said to be operated by a spec in which its name is not even mentioned; `publish` and the like are in `fixtures.ts`. */
export function unmentioned(): readonly string[] {
  const read = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8');
  const shared = read('fixtures.ts');
  return Object.entries(OPERATED).flatMap(([file, all]) => {
    const text = read(file) + shared;
    return all.filter((words) => !text.includes(words)).map((words) => `${file}: ${words}`);
  });
}
