import { connection } from './de/connection.ts';
import { editor } from './de/editor.ts';
import { inspector } from './de/inspector.ts';
import { log } from './de/log.ts';
import { preferences } from './de/preferences.ts';
import { services } from './de/services.ts';
import { share } from './de/share.ts';
import { shell } from './de/shell.ts';

/** German. Says du; plain and short as the English. */
export const de = {
  ...shell,
  ...services,
  ...log,
  ...inspector,
  ...editor,
  ...share,
  ...connection,
  ...preferences,
} as const;
