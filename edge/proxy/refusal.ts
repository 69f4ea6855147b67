import { STATUS_CODES } from 'node:http';
import { type FailureCode, failure, failureSpec } from '../../shared/domain/failure.ts';
import type { PageLanguage } from '../page-language.ts';
import { type AnswerKind, preferredKind } from '../preferred-kind.ts';
import { CONTENT_SECURITY_POLICY, renderPage } from './refusal-page.ts';
import { type RefusalWords, refusalWords } from './refusal-words.ts';
import { germanWords } from './refusal-words-de.ts';

/** What is known when a request is refused. */
export interface Refusal {
  readonly code: FailureCode;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly method: string;
  /** The `Accept` value; '' when there was none. */
  readonly accept: string;
  /** '' when unknown. */
  readonly host: string;
  readonly serviceName: string | undefined;
  readonly targetLabel: string | undefined;
  /** Seconds until trying again makes sense; what is usual for the code when left out. */
  readonly retryAfter?: number | undefined;
  /** More fields, each with its CRLF. */
  readonly fields?: string | undefined;
  /** What the sentence of the code names, beside host and target. */
  readonly about?: Readonly<Record<string, string | number>> | undefined;
  /** A path where trying again begins; the same address when left out. */
  readonly again?: string | undefined;
  /** What a page is written in; English when left out. */
  readonly language?: PageLanguage | undefined;
  /** The connection ends with this response. */
  readonly close: boolean;
}

/** A response, ready to be written: the head as Latin-1 text, the body as bytes. */
export interface RefusalResponse {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** The one door by which refusals leave: a page for browsers, JSON for who asks for it, else a line of text. */
export function renderRefusal(refusal: Refusal): RefusalResponse {
  const spec = failureSpec(refusal.code);
  const usual = refusalWords(refusal.code);
  const words = refusal.retryAfter === undefined ? usual : { ...usual, retryAfter: refusal.retryAfter };
  const kind = preferredKind(refusal.accept);
  const body = Buffer.from(renderBody(kind, refusal, words), 'utf8');
  let head =
    `HTTP/1.1 ${spec.status} ${STATUS_CODES[spec.status] ?? ''}\r\nDate: ${new Date(refusal.time).toUTCString()}\r\n` +
    `Content-Type: ${CONTENT_TYPES[kind]}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n` +
    `Vary: Accept, Accept-Language\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ${refusal.requestId}\r\n` +
    `X-Porthole-Failure: ${refusal.code}\r\n`;
  if (kind === 'html')
    head += `Content-Security-Policy: ${CONTENT_SECURITY_POLICY}\r\nReferrer-Policy: no-referrer\r\n`;
  if (spec.retry) head += `Retry-After: ${words.retryAfter}\r\n`;
  head += refusal.fields ?? '';
  if (refusal.close) head += 'Connection: close\r\n';
  return { status: spec.status, head: `${head}\r\n`, body: refusal.method === 'HEAD' ? NOTHING : body };
}

const CONTENT_TYPES: Record<AnswerKind, string> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
};

function renderBody(kind: AnswerKind, refusal: Refusal, words: RefusalWords): string {
  const { retry, status } = failureSpec(refusal.code);
  const about = {
    host: refusal.host === '' ? 'this address' : refusal.host,
    target: refusal.targetLabel ?? 'the target',
    reason: '',
    ...refusal.about,
  };
  const { code, message: sentence } = failure(refusal.code, about);
  if (kind === 'json') {
    const extra = retry ? { retryAfter: words.retryAfter } : {};
    return `${JSON.stringify({ error: { code, message: sentence }, status, requestId: refusal.requestId, time: new Date(refusal.time).toISOString(), ...extra })}\n`;
  }
  const message = capitalised(sentence);
  if (kind === 'text') return `${words.title}. ${message}\n${words.visitor}\n\nRequest ${refusal.requestId}\n`;
  const german = refusal.language === 'de' ? germanWords(refusal.code) : undefined;
  return renderPage({
    status,
    code: refusal.code,
    words: german === undefined ? words : { ...words, ...german },
    message:
      german === undefined
        ? message
        : capitalised(fill(german.message, { ...about, target: about.target.replace(/^port /, 'Port ') })),
    language: german === undefined ? 'en' : 'de',
    name: refusal.serviceName ?? refusal.host,
    host: refusal.host,
    requestId: refusal.requestId,
    time: refusal.time,
    again: refusal.again ?? (retry && (refusal.method === 'GET' || refusal.method === 'HEAD') ? '' : undefined),
  });
}

/** Fills in the names of a sentence as the registry does. */
const fill = (say: string, about: Readonly<Record<string, string | number>>): string =>
  say.replace(/\{(\w+)\}/g, (_, key: string) => String(about[key] ?? ''));

const capitalised = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
