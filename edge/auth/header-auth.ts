import { createHmac, randomBytes } from 'node:crypto';
import type { HeaderRule } from '../../shared/domain/auth.ts';
import { spellPassword } from '../../shared/domain/auth-rules.ts';
import { fieldValues } from '../field-lines.ts';
import type { Identity, Pending, Verdict } from '../visit.ts';
import type { Hasher } from './argon2.ts';
import type { Door } from './door.ts';
import type { GuessBook } from './guess-book.ts';
import { noteHeldOff, noteWrong } from './reasons.ts';

/** Values that were found to be right, over all services. */
const REMEMBERED = 10_000;
/** Comparisons that one request may cause. */
const COMPARISONS = 16;
/** Values of one field that are looked at. */
const VALUES = 2;

interface Candidate {
  readonly rule: HeaderRule;
  readonly hash: string;
  readonly secret: string;
  /** It is compared for the time that it takes, and counted: names of users can't be told apart by either. */
  readonly stranger: boolean;
}

/** Lets in whoever sends the right field. What was right once is known by a keyed hash, so that it costs nothing again. */
export class HeaderAuth {
  readonly #hasher: Hasher;
  readonly #guesses: GuessBook;
  readonly #key = randomBytes(32);
  readonly #known = new Map<string, Identity>();

  constructor(hasher: Hasher, guesses: GuessBook) {
    this.#hasher = hasher;
    this.#guesses = guesses;
  }

  /**
   * Who a request's fields say the visitor is; a verdict where that has to be found out, or can't be right now;
   * `undefined` when it says nothing. `admit` hears of a visitor who was found out to be let in.
   */
  identify(door: Door, admit: (identity: Identity) => void): Identity | Verdict {
    const candidates = candidatesOf(door);
    if (candidates.length === 0) return undefined;
    const { serviceId } = door.route;
    const wait = this.#guesses.wait(serviceId, door.source);
    for (const candidate of candidates) {
      if (candidate.stranger) continue;
      const known = this.#known.get(this.#name(door, candidate));
      if (known === undefined) continue;
      // Who goes on trying while locked could be told by this what is right.
      if (wait > 0 && this.#guesses.insists(serviceId, door.source)) break;
      return known;
    }
    if (wait > 0) {
      this.#guesses.insists(serviceId, door.source);
      noteHeldOff(door.visit, wait);
      return door.ask({ code: 'login_locked', wait });
    }
    return { kind: 'pending', decide: (_, gone) => this.#decide(door, candidates, admit, gone) } satisfies Pending;
  }

  async #decide(
    door: Door,
    candidates: readonly Candidate[],
    admit: (identity: Identity) => void,
    gone: AbortSignal,
  ): Promise<Verdict> {
    if (this.#hasher.full) return door.ask({ code: 'login_busy' });
    const attempt = { serviceId: door.route.serviceId, what: 'header', source: door.source } as const;
    const leave = await this.#guesses.begin(attempt);
    if (leave.kind === 'busy') return door.ask({ code: 'login_busy' });
    if (leave.kind === 'wait') {
      noteHeldOff(door.visit, leave.seconds);
      return door.ask({ code: 'login_locked', wait: leave.seconds });
    }
    for (const candidate of candidates) {
      const matches = await this.#hasher.matches(candidate.hash, candidate.secret, gone);
      if (matches === 'busy' || matches === 'gone') {
        await this.#guesses.undone(attempt);
        return door.ask({ code: 'login_busy' });
      }
      if (!matches || candidate.stranger) continue;
      await this.#guesses.succeeded(attempt);
      const identity = identityOf(candidate.rule, door.guard.secrets.epoch);
      this.#remember(this.#name(door, candidate), identity);
      admit(identity);
      return undefined;
    }
    noteWrong(door.visit, 'header', leave.lock);
    return leave.lock > 0
      ? door.ask({ code: 'login_locked', wait: leave.lock })
      : door.ask({ code: 'header_rejected' });
  }

  /** Only the address that has shown a value to be right gets the benefit: a guesser elsewhere learns nothing faster. */
  #name(door: Door, { rule, hash, secret }: Candidate): string {
    return createHmac('sha256', this.#key)
      .update(`${door.route.serviceId}\n${rule.id}\n${hash}\n${door.source}\n${secret}`)
      .digest('base64');
  }

  #remember(name: string, identity: Identity): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= REMEMBERED && oldest.done !== true) this.#known.delete(oldest.value);
    this.#known.set(name, identity);
  }
}

const identityOf = (rule: HeaderRule, epoch: number): Identity => ({
  method: 'header',
  ...(rule.user === undefined || rule.user === '' ? {} : { user: rule.user }),
  epoch,
  ruleId: rule.id,
});

/** What of the request could be what one of the rules asks for. */
function candidatesOf({ guard, visit }: Door): readonly Candidate[] {
  const candidates: Candidate[] = [];
  let strange: Candidate | undefined;
  for (const rule of guard.methods.headers ?? []) {
    const hash = guard.secrets.headers[rule.id];
    if (hash === undefined) continue;
    for (const value of fieldValues(visit.fields, rule.name, VALUES)) {
      const sent = secretIn(rule, value);
      if (sent === undefined) continue;
      const candidate = { rule, hash, ...sent };
      if (sent.stranger) strange ??= candidate;
      else if (candidates.length < COMPARISONS) candidates.push(candidate);
    }
  }
  return candidates.length === 0 && strange !== undefined ? [strange] : candidates;
}

function secretIn(rule: HeaderRule, value: string): Pick<Candidate, 'secret' | 'stranger'> | undefined {
  if (rule.kind === 'custom') return value === '' ? undefined : { secret: value, stranger: false };
  const [, scheme = '', rest = ''] = /^(\S+) +(\S+)$/.exec(value) ?? [];
  if (scheme.toLowerCase() !== rule.kind) return undefined;
  if (rule.kind === 'bearer') return { secret: rest, stranger: false };
  const text = spellPassword(Buffer.from(rest, 'base64').toString());
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { secret: text.slice(colon + 1), stranger: text.slice(0, colon) !== (rule.user ?? '') };
}
