import { connection } from './en/connection.ts';
import { editor } from './en/editor.ts';
import { inspector } from './en/inspector.ts';
import { log } from './en/log.ts';
import { preferences } from './en/preferences.ts';
import { services } from './en/services.ts';
import { share } from './en/share.ts';
import { shell } from './en/shell.ts';

/** English. Plain and short; what happened, what it means for visitors, what to do, in that order. */
export const en = {
  ...shell,
  ...services,
  ...log,
  ...inspector,
  ...editor,
  ...share,
  ...connection,
  ...preferences,
} as const;
