import { isShareLive, type ShareLink } from '../../shared/domain/auth.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';
import { tokenFault } from '../../shared/domain/token.ts';
import type { Clock } from '../../shared/node/clock.ts';
import { fieldValues } from '../field-lines.ts';
import { SHARE_PATH } from '../reserved-path.ts';
import { hashToken } from '../store/credential.ts';
import type { Store } from '../store/store.ts';
import type { Denial, Verdict, Visit } from '../visit.ts';
import { type Door, WRONG_METHOD } from './door.ts';
import type { GuessBook } from './guess-book.ts';
import { nextPath } from './next-path.ts';
import { renderSharePage } from './page.ts';
import { noteWrong } from './reasons.ts';
import { isSameOrigin } from './same-origin.ts';

export type ShareStore = Pick<Store, 'findShare' | 'openShare'>;

export interface ShareParts {
  readonly store: ShareStore;
  readonly guesses: GuessBook;
  readonly clock: Clock;
}

/** Bytes of the post that confirms; its form has no fields. */
const FORM_LIMIT = 1024;

/**
 * Answers a request to a share link. Opening it at will takes a GET; where uses are limited, one click more, so that
 * whoever only looks at links (previews, prefetches, scanners) doesn't use them up.
 */
export function answerShare(door: Door, parts: ShareParts): Verdict {
  const { visit } = door;
  const token = visit.path.slice(SHARE_PATH.length);
  if (!['GET', 'HEAD', 'POST'].includes(visit.method)) return WRONG_METHOD;
  if (tokenFault('share', token) !== undefined) return refused('share_invalid');
  if (visit.method === 'POST' && !isSameOrigin(visit)) return refused('login_cross_site');
  return {
    kind: 'pending',
    ...(visit.method === 'POST' ? { bodyLimit: FORM_LIMIT } : {}),
    decide: () => decide(door, parts, token),
  };
}

async function decide(door: Door, parts: ShareParts, token: string): Promise<Verdict> {
  const { store, clock } = parts;
  const found = await store.findShare(door.route.serviceId, hashToken(token));
  if (!found.ok) return refused('login_busy');
  const share = found.value;
  if (share === undefined) return unknown(door, parts);
  if (!isShareLive(share, clock.now())) return refused('share_over');
  const next = nextPath(new URLSearchParams(door.visit.query).get('next'));
  const asks = share.maxUses !== undefined ? door.visit.method !== 'POST' : isLooking(door.visit);
  return asks ? confirm(door, share, next) : open(door, parts, share, next);
}

/** A well-formed token that nobody made is a guess, and counted as one, for what that is worth at 256 bits. */
async function unknown(door: Door, { guesses }: ShareParts): Promise<Verdict> {
  noteWrong(door.visit, 'share', 0);
  const leave = await guesses.begin({ serviceId: door.route.serviceId, what: 'share', source: door.source });
  return leave.kind === 'wait' ? refused('login_locked', leave.seconds) : refused('share_invalid');
}

async function open(door: Door, { store, clock }: ShareParts, share: ShareLink, next: string): Promise<Verdict> {
  const opened = await store.openShare(share, clock.now());
  if (!opened.ok) return refused(opened.error.code === 'share_over' ? 'share_over' : 'login_busy');
  return door.admit(
    {
      method: 'share',
      subject: share.id,
      ...(share.label === undefined ? {} : { name: share.label }),
      until: share.expiresAt,
    },
    next,
  );
}

function confirm(door: Door, share: ShareLink, next: string): Verdict {
  const query = next === '/' ? '' : `?next=${encodeURIComponent(next)}`;
  const left = share.maxUses === undefined ? undefined : share.maxUses - share.uses;
  return door.page(200, renderSharePage({ service: door.service, action: `${door.visit.path}${query}`, left }));
}

/** The request only looks what is there: nobody has asked to open it. */
const isLooking = ({ method, fields }: Visit): boolean =>
  method === 'HEAD' ||
  ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].some((name) =>
    fieldValues(fields, name).some((value) => /prefetch|preview|prerender/i.test(value)),
  );

const refused = (code: FailureCode, seconds?: number): Denial => ({
  kind: 'denial',
  code,
  fields: 'Referrer-Policy: no-referrer\r\n',
  ...(seconds === undefined ? {} : { retryAfter: seconds, about: { seconds } }),
});
