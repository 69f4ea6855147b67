import { type FailureCode, failureSpec } from '../../shared/domain/failure.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { OpenGuard } from '../guard.ts';
import { type PageLanguage, pageLanguage } from '../page-language.ts';
import { sourceOf } from '../peer.ts';
import { preferredKind } from '../preferred-kind.ts';
import type { Answer, Denial, Route, Verdict, Visit } from '../visit.ts';
import type { GuessBook } from './guess-book.ts';
import type { Method } from './method.ts';
import { nextPath } from './next-path.ts';
import { PAGE_POLICY, type PageService, renderLoginPage } from './page.ts';
import type { NewSession, Sessions } from './sessions.ts';

/** What all doors share. */
export interface DoorParts {
  readonly sessions: Sessions;
  readonly guesses: GuessBook;
  /** Methods with pages of their own. */
  readonly methods: readonly Method[];
  readonly log: Logger;
}

/** What a visitor is told who hasn't come in. */
export interface AskOptions {
  /** Where it wanted to go; what it asked for unless told otherwise. */
  readonly next?: string;
  readonly code?: 'login_required' | 'login_failed' | 'login_locked' | 'login_busy' | 'header_rejected';
  /** Seconds to wait, with `login_locked`. */
  readonly wait?: number;
}

/** Fields of every page and redirect here: none is kept, framed, or guessed at. */
export const PAGE_FIELDS =
  `Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n` +
  `Referrer-Policy: no-referrer\r\n`;

const NOTHING = Buffer.alloc(0);

/** To methods that the edge's own pages don't have. */
export const WRONG_METHOD: Answer = {
  kind: 'answer',
  status: 405,
  fields: `Allow: GET, HEAD, POST\r\nContent-Type: text/plain; charset=utf-8\r\n${PAGE_FIELDS}`,
  body: Buffer.from('This page takes GET and POST.\n'),
  failure: 'method_unsupported',
};

/** One visitor before one service that lets in only whom it knows. */
export class Door {
  readonly visit: Visit;
  readonly route: Route;
  readonly guard: OpenGuard;
  readonly #parts: DoorParts;

  constructor(visit: Visit, route: Route, guard: OpenGuard, parts: DoorParts) {
    this.visit = visit;
    this.route = route;
    this.guard = guard;
    this.#parts = parts;
  }

  /** Whom the visitor's address stands for. */
  get source(): string {
    return sourceOf(this.visit.connection.peerAddress);
  }

  /** What the visitor reads. */
  get language(): PageLanguage {
    return pageLanguage(this.visit.fields);
  }

  get service(): PageService {
    const { name, domain } = this.route;
    return { name, domain, publisher: this.guard.publisher, language: this.language };
  }

  /** Where the visitor wants to go: what it asked for, if that can be asked for again. */
  get wanted(): string {
    const { method, path, query } = this.visit;
    return method === 'GET' || method === 'HEAD' ? nextPath(path + query) : '/';
  }

  /** Lets the visitor in: a session, and on to `next`. `fields`: more, each with its CRLF. */
  admit(session: NewSession, next: string, fields = ''): Verdict {
    const { visit, route, guard } = this;
    const cookie = this.#parts.sessions.open(session, route, guard, visit.connection.secure);
    if (cookie === undefined) {
      this.#parts.log.error('no session can be signed: this node has another key than its secrets were sealed with', {
        serviceId: route.serviceId,
      });
      return 'internal';
    }
    visit.identity = {
      method: session.method,
      epoch: guard.secrets.epoch,
      ...((session.email ?? session.name) === undefined ? {} : { user: session.email ?? session.name ?? '' }),
    };
    return this.redirect(next, cookie + fields);
  }

  /** On to `next`, a path that was checked. */
  redirect(next: string, fields = ''): Answer {
    return { kind: 'answer', status: 303, fields: `Location: ${next}\r\n${PAGE_FIELDS}${fields}`, body: NOTHING };
  }

  /** A page of the edge's own. */
  page(status: number, html: string, fields = '', failure?: FailureCode): Answer {
    const body = Buffer.from(html);
    const about = `Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: ${PAGE_POLICY}\r\n`;
    const code = failure === undefined ? '' : `X-Porthole-Failure: ${failure}\r\n`;
    return {
      kind: 'answer',
      status,
      fields: `${about}${PAGE_FIELDS}${code}${fields}`,
      body,
      ...(failure === undefined ? {} : { failure }),
    };
  }

  /** Asks the visitor to log in, in the form that it reads: a page, or a short answer with the schemes that would do. */
  ask(options: AskOptions = {}): Verdict {
    const { guard, visit } = this;
    const { code = 'login_required', next = this.wanted } = options;
    const wait = options.wait ?? this.#parts.guesses.wait(this.route.serviceId, this.source);
    const retry = code === 'login_locked' || code === 'login_busy' ? Math.max(1, options.wait ?? 2) : undefined;
    const forms = (['password', 'pin'] as const).filter((form) => guard.methods[form] === true);
    const ways = this.#parts.methods.filter((method) => method.offered(guard.methods));
    const html = preferredKind(visit.accept) === 'html';
    if (!html) return refusal(code, retry, challenges(this, true));
    const [only] = ways;
    const alone = only !== undefined && ways.length === 1 && forms.length === 0 && code === 'login_required';
    if (alone && (visit.method === 'GET' || visit.method === 'HEAD')) return only.begin(this, next);
    const page = renderLoginPage({
      service: this.service,
      forms,
      links: ways.map((method) => method.link(this, next)),
      next,
      notice: code === 'login_failed' ? 'failed' : code === 'login_busy' ? 'busy' : undefined,
      wait: code === 'login_busy' ? 0 : wait,
    });
    const { status } = failureSpec(code);
    const fields =
      (status === 401 ? challenges(this, forms.length + ways.length === 0) : '') +
      (retry === undefined ? '' : `Retry-After: ${retry}\r\n`);
    return this.page(status, page, fields, code);
  }
}

/** A refusal with fields of its own. */
function refusal(code: FailureCode, retryAfter: number | undefined, fields: string): Denial {
  return {
    kind: 'denial',
    code,
    fields: failureSpec(code).status === 401 ? fields : '',
    ...(retryAfter === undefined ? {} : { retryAfter, about: { seconds: retryAfter } }),
  };
}

/**
 * `WWW-Authenticate` lines (RFC 9110 section 11.6.1). `Basic` makes browsers show a dialog of their own, so it is named
 * to those only where there is nothing better. A 401 has to name something.
 */
function challenges({ guard, route }: Door, basic: boolean): string {
  const kinds = new Set((guard.methods.headers ?? []).map(({ kind }) => kind));
  const realm = `realm="${route.domain}"`;
  let lines = '';
  if (kinds.has('basic') && basic) lines += `WWW-Authenticate: Basic ${realm}, charset="UTF-8"\r\n`;
  if (kinds.has('bearer')) lines += `WWW-Authenticate: Bearer ${realm}\r\n`;
  return lines === '' ? `WWW-Authenticate: Porthole ${realm}\r\n` : lines;
}
