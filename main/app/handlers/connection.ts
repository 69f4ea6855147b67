import { ok } from '../../../shared/domain/result.ts';
import type { DiagnoseDesk } from '../diagnose-desk.ts';
import type { JoinDesk } from '../join-link-desk.ts';
import type { Handlers } from './context.ts';

type ConnectionChannel = 'join:preview' | 'join:check' | 'join:confirm' | 'join:dismiss' | 'connection:diagnose';

/** Joining by a link, and finding out what is wrong with the line. */
export function connectionHandlers(desk: JoinDesk, diagnoses: DiagnoseDesk): Handlers<ConnectionChannel> {
  return {
    'join:preview': ({ link }) => desk.look(link),
    'join:check': ({ id }) => desk.check(id),
    'join:confirm': ({ id, name }) => desk.confirm(id, name),
    'join:dismiss': async ({ id }) => desk.dismiss(id),
    'connection:diagnose': async () => ok(await diagnoses.run()),
  };
}
