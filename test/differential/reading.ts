/** How a front reads bytes: what each of its answers says that the origin was asked. */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { askPlain } from '../integration/edge-stand.ts';
import { type Asked, ECHO } from './recorder.ts';
import type { Front } from './stand.ts';

/** A refusal; `failure` is the reason that Porthole gives, '' for everybody else. */
export interface Refused {
  readonly status: number;
  readonly failure: string;
}

/** One answer: what was asked, or how it was refused. */
export type Answered = Asked | Refused;

export const isAsked = (answer: Answered | undefined): answer is Asked => answer !== undefined && 'body' in answer;

export interface Reading {
  readonly answers: readonly Answered[];
  /** How it ended: the front closed, or said nothing more (it waits for the rest of a message). */
  readonly end: 'closed' | 'waiting';
  readonly raw: string;
}

/** Milliseconds of silence after which a front may be waiting for more of a message. */
const PATIENCE = 500;
/** Silences in a row after which it is. */
const SILENCES = 2;
/**
 * The same where the message is in order, and the front must answer and close: what it answered others meanwhile may
 * have gone over connections that it had, while this one needed a new one.
 */
export const SURE_TO_CLOSE = 20;

/**
 * Sends `bytes` to a front at once and reads until it closes, or has been silent for a while in which it answered others:
 * so a busy machine only makes this slower, and a front that is slower still makes the reading shorter, never different.
 */
export async function read(front: Front, bytes: string, silences = SILENCES): Promise<Reading> {
  const socket = net.connect({ host: '127.0.0.1', port: front.port, noDelay: true });
  let raw = '';
  let closed = false;
  let news = Promise.withResolvers<void>();
  const tell = (): void => news.resolve();
  socket.on('data', (chunk: Buffer) => {
    raw += chunk.toString('latin1');
    tell();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
    tell();
  });
  await once(socket, 'connect');
  socket.write(Buffer.from(bytes, 'latin1'));
  for (let silent = 0; !closed && silent < silences; ) {
    const before = raw.length;
    const enough = new AbortController();
    await Promise.race([news.promise, silence(front, enough.signal)]);
    enough.abort();
    news = Promise.withResolvers<void>();
    if (raw.length > before) silent = 0;
    else silent++;
  }
  socket.destroy();
  return { answers: answersIn(raw), end: closed ? 'closed' : 'waiting', raw };
}

/** Resolves after a while in which the front was well enough to answer somebody else; never once `signal` is aborted. */
async function silence(front: Front, signal: AbortSignal): Promise<void> {
  try {
    await pause(PATIENCE, undefined, { signal });
    await askPlain(front.port, front.host, '/ready/marker');
  } catch {
    // A peer that was deceived before may break this connection off: it is alive all the same.
    if (signal.aborted) await new Promise(() => {});
  }
}

const STATUS = /HTTP\/1\.[01] ([0-9]{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/g;

function answersIn(raw: string): Answered[] {
  const answers: Answered[] = [];
  for (const [, status, fields = ''] of raw.matchAll(STATUS)) {
    if (Number(status) < 200) continue;
    const field = (name: string) => new RegExp(`^${name}: (\\S+)\r$`, 'im').exec(fields)?.[1];
    const echo = field(ECHO);
    answers.push(
      echo === undefined
        ? { status: Number(status), failure: field('x-porthole-failure') ?? '' }
        : (JSON.parse(Buffer.from(echo, 'base64').toString()) as Asked),
    );
  }
  return answers;
}

const same = (a: Asked, b: Asked): boolean =>
  a.method === b.method && a.body === b.body && plainTarget(a.target) === plainTarget(b.target);

/** Some spell a target in another way before they pass it on; where it ends is what counts. */
function plainTarget(target: string): string {
  const spelled = target.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
  return `/${spelled}`.replace(/(?:\/\.(?=\/|$))+/g, '').replace(/\/+/g, '/');
}

/**
 * Where two readings part: the first answer in which both took a request and not the same one. A reading that ends
 * earlier, refused or closed, disagrees with nothing: what came after was passed on to nobody.
 */
export function parting(ours: Reading, theirs: Reading): number | undefined {
  const common = Math.min(ours.answers.length, theirs.answers.length);
  for (let at = 0; at < common; at++) {
    const [mine, other] = [ours.answers[at], theirs.answers[at]];
    if (!isAsked(mine) || !isAsked(other)) return undefined;
    if (!same(mine, other)) return at;
  }
  return undefined;
}
