/** How a front reads bytes: what each of its answers says that the origin was asked. */
import { once } from 'node:events';
import net from 'node:net';
import { type Asked, ECHO } from './recorder.ts';

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

/**
 * Sends `bytes` to `port` at once and reads until the front closes or has been silent for `patience` milliseconds.
 * A front that is slower than that only makes the reading shorter, never different.
 */
export async function read(port: number, bytes: string, patience: number): Promise<Reading> {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  let raw = '';
  const over = Promise.withResolvers<Reading['end']>();
  let timer = setTimeout(() => over.resolve('waiting'), patience);
  socket.on('data', (chunk: Buffer) => {
    raw += chunk.toString('latin1');
    clearTimeout(timer);
    timer = setTimeout(() => over.resolve('waiting'), patience);
  });
  socket.on('error', () => {});
  socket.on('close', () => over.resolve('closed'));
  await once(socket, 'connect');
  socket.write(Buffer.from(bytes, 'latin1'));
  const end = await over.promise;
  clearTimeout(timer);
  socket.destroy();
  return { answers: answersIn(raw), end, raw };
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
