import { randomBytes } from 'node:crypto';
import { PASSWORD_LENGTH, PIN } from '../../shared/domain/auth.ts';
import { spellPassword } from '../../shared/domain/auth-rules.ts';
import { fieldValue } from '../field-lines.ts';
import type { Verdict } from '../visit.ts';
import type { Compared, Hasher } from './argon2.ts';
import type { Door } from './door.ts';
import type { GuessBook } from './guess-book.ts';
import { nextPath } from './next-path.ts';
import { noteHeldOff, noteWrong } from './reasons.ts';
import { isSameOrigin } from './same-origin.ts';

/** Bytes of a login form. */
const FORM_LIMIT = 16 * 1024;

export interface LoginParts {
  readonly hasher: Hasher;
  readonly guesses: GuessBook;
}

/** What somebody typed into one of the forms. */
interface Try {
  readonly what: 'password' | 'pin';
  /** `undefined` where it can't be right. */
  readonly secret: string | undefined;
}

/** Answers a post of the login form: a session and the way on, or the form again. */
export function answerLogin(door: Door, parts: LoginParts): Verdict {
  const { fields } = door.visit;
  if (!isSameOrigin(door.visit)) return 'login_cross_site';
  const [type = ''] = fieldValue(fields, 'content-type').split(';', 1);
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return 'request_malformed';
  return {
    kind: 'pending',
    bodyLimit: FORM_LIMIT,
    decide: (body, gone) => decide(door, parts, new URLSearchParams(body.toString()), gone),
  };
}

async function decide(
  door: Door,
  { hasher, guesses }: LoginParts,
  form: URLSearchParams,
  gone: AbortSignal,
): Promise<Verdict> {
  const next = nextPath(form.get('next'));
  const tried = tryOf(form);
  const hash = tried === undefined ? undefined : door.guard.secrets[tried.what];
  if (tried === undefined || hash === undefined) return door.ask({ code: 'login_failed', next });
  if (hasher.full) return door.ask({ code: 'login_busy', next });
  const attempt = { serviceId: door.route.serviceId, what: tried.what, source: door.source };
  const leave = await guesses.begin(attempt);
  if (leave.kind === 'busy') return door.ask({ code: 'login_busy', next });
  if (leave.kind === 'wait') {
    noteHeldOff(door.visit, leave.seconds);
    return door.ask({ code: 'login_locked', next, wait: leave.seconds });
  }
  const matches: Compared = tried.secret !== undefined && (await hasher.matches(hash, tried.secret, gone));
  if (matches === 'busy' || matches === 'gone') {
    await guesses.undone(attempt);
    return door.ask({ code: 'login_busy', next });
  }
  if (!matches) {
    noteWrong(door.visit, tried.what, leave.lock);
    const { lock } = leave;
    return door.ask(lock > 0 ? { code: 'login_locked', next, wait: lock } : { code: 'login_failed', next });
  }
  await guesses.succeeded(attempt);
  return door.admit({ method: tried.what, subject: randomBytes(12).toString('base64url') }, next);
}

/** One guess a post: what is in the first form that was filled in. A PIN may come in as many fields as it has boxes. */
function tryOf(form: URLSearchParams): Try | undefined {
  const password = spellPassword(form.get('password') ?? '');
  if (password !== '') return { what: 'password', secret: password.length <= PASSWORD_LENGTH ? password : undefined };
  const pin = form.getAll('pin').join('').replace(/\s/g, '');
  return pin === '' ? undefined : { what: 'pin', secret: PIN.test(pin) ? pin : undefined };
}
