import type { Visit } from '../visit.ts';
import type { Guessable } from './guessing.ts';

const WRONG: Readonly<Record<Guessable, string>> = {
  password: 'The password was wrong.',
  pin: 'The PIN was wrong.',
  header: 'The value of a header was wrong.',
  share: 'No such link was ever made.',
};

/** Tells the owner, in the access log, what was wrong, and for how many seconds that has locked the address. */
export function noteWrong(visit: Visit, what: Guessable, lock: number): void {
  const locked = lock > 0 ? ` The address is locked for ${lock} s.` : '';
  visit.note = { ...visit.note, reason: WRONG[what] + locked };
}

/** Tells the owner that nothing was compared, because of what was wrong before. */
export function noteHeldOff(visit: Visit, seconds: number): void {
  visit.note = { ...visit.note, reason: `Nothing was compared: ${seconds} s are left to wait after failed tries.` };
}
