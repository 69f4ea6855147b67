/** Sends every request to every front, and says where two of them did not agree on what was sent. */
import { seededRandom } from '../support/random.ts';
import { filled, HOST, ID, pieces } from './corpus.ts';
import { type Answered, isAsked, parting, type Reading, read, SURE_TO_CLOSE } from './reading.ts';
import type { Recorder } from './recorder.ts';
import { REQUEST_CASES, type RequestCase } from './request-corpus.ts';
import { atOnce, type Front, type Stand } from './stand.ts';

const WIDTH = 48;
/** Tells where the message before it ended: whoever answers it took it for a request. */
const MARKER = `GET /${ID}/marker HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;

interface Heard {
  readonly front: Front;
  readonly reading: Reading;
  /** Requests of the trial that reached the origin whole. */
  readonly reached: number;
}

export interface RequestTrial {
  readonly request: RequestCase;
  /** Us in front of the origin itself, us in front of each peer, each peer in front of the origin. */
  readonly direct: Heard;
  readonly chained: readonly Heard[];
  readonly theirs: readonly Heard[];
}

let trials = 0;

/** Tries every one of `cases` on every front of the stand. */
export async function tryRequests(
  stand: Pick<Stand, 'ours' | 'theirs'>,
  recorder: Recorder,
  cases: readonly RequestCase[],
): Promise<readonly RequestTrial[]> {
  const fronts = [...stand.ours, ...stand.theirs];
  const heard: Heard[][] = cases.map(() => []);
  const jobs = cases.flatMap((request, at) => fronts.map((front, column) => ({ request, at, front, column })));
  await atOnce(jobs, WIDTH, async ({ request, at, front, column }) => {
    const id = `t${(trials++).toString(36).padStart(5, '0')}`;
    const sure = request.valid === true && front.before !== undefined;
    const reading = await read(front, filled(request.text + MARKER, id, front.host), sure ? SURE_TO_CLOSE : undefined);
    const answers = reading.answers.map((answer) => withoutNames(answer, id, front.host));
    const row = heard[at];
    if (row !== undefined) row[column] = { front, reading: { ...reading, answers }, reached: recorder.of(id).length };
  });
  return heard.map((row, at) => {
    const [direct, ...others] = row;
    const request = cases[at];
    if (direct === undefined || request === undefined) throw new Error('a trial is missing');
    const theirs = others.splice(stand.ours.length - 1);
    return { request, direct, chained: others, theirs };
  });
}

const withoutNames = (answer: Answered, id: string, host: string): Answered =>
  !isAsked(answer)
    ? answer
    : {
        method: answer.method,
        target: withoutName(withoutName(answer.target, id, ID), host, HOST),
        body: withoutName(withoutName(answer.body, id, ID), host, HOST),
      };

/** `text` with `placeholder` for `name`, and a part of it where only the beginning of the name is left at the end. */
function withoutName(text: string, name: string, placeholder: string): string {
  const whole = text.replaceAll(name, placeholder);
  for (let cut = name.length - 1; cut > 1; cut--)
    if (whole.endsWith(name.slice(0, cut))) return whole.slice(0, -cut) + placeholder.slice(0, cut);
  return whole;
}

/** Whether a request of the trial was refused, or never finished: what follows then reached nobody. */
export const taken = ({ direct }: RequestTrial): boolean =>
  direct.reading.answers.length > 0 && direct.reading.answers.every(isAsked);

const shown = ({ front, reading, reached }: Heard): string =>
  `    ${front.name}: ${JSON.stringify(reading.answers)} ${reading.end}, ${reached} reached the origin`;

/** Every pair of readings that part, in words; nothing when all is well. */
export function disagreements(trials: readonly RequestTrial[]): readonly string[] {
  return trials.flatMap(({ request, direct, chained, theirs }) =>
    [...chained, ...theirs]
      .filter(({ reading }) => parting(direct.reading, reading) !== undefined)
      .map((other) => `${request.name}\n  ${JSON.stringify(request.text)}\n${shown(direct)}\n${shown(other)}`),
  );
}

/** How often another front took the first request as we did: the trials that could have gone wrong. */
export const compared = (trials: readonly RequestTrial[]): number =>
  trials.reduce((sum, trial) => {
    if (!taken(trial)) return sum;
    return sum + [...trial.chained, ...trial.theirs].filter(({ reading }) => isAsked(reading.answers[0])).length;
  }, 0);

/**
 * Refusals of ours after which we went on with the connection, and requests that reached the origin without being
 * answered; in words.
 */
export function leaks(trials: readonly RequestTrial[]): readonly string[] {
  return trials.flatMap(({ request, direct, chained }) =>
    [direct, ...chained]
      .filter(({ reading: { answers, end }, reached }) => {
        const refusal = answers.findIndex((answer) => !isAsked(answer) && HEAD_REFUSALS.has(answer.failure));
        if (refusal >= 0 && (end !== 'closed' || answers.length > refusal + 1)) return true;
        // Who still waits may not have heard yet of what the origin has.
        return (
          end === 'closed' && reached > answers.filter((answer) => isAsked(answer) && answer.target.includes(ID)).length
        );
      })
      .map((one) => `${request.name}\n  ${JSON.stringify(request.text)}\n${shown(one)}`),
  );
}

/** What the bytes of a request are refused for. */
const HEAD_REFUSALS: ReadonlySet<string> = new Set([
  'request_malformed',
  'version_unsupported',
  'method_unsupported',
  'target_too_long',
  'head_too_large',
  'expectation_unsupported',
]);

const SPLICES = [
  ...'\r\n\t \x00\x0b\x0c\x7f\x85\xa0:;,+-0159aAfF"x=\\',
  '\r\n',
  '\n',
  '\r',
  '\r\n ',
  '\r\n\r\n',
  '0\r\n\r\n',
  '1\r\nZ\r\n',
  'chunked, ',
  'Connection: close\r\n',
  'Connection: upgrade\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  ...pieces('coding-lines').map((line) => `${line}\r\n`),
  ...pieces('length-lines').map((line) => `${line}\r\n`),
];

/** `count` requests made from those of the corpus by up to three random changes each. The same for the same seed. */
export function mutatedRequests(seed: number, count: number): readonly RequestCase[] {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  const valid = REQUEST_CASES.filter((request) => request.valid === true);
  return Array.from({ length: count }, (_, at) => {
    let text = pick(random() < 0.8 ? valid : REQUEST_CASES)?.text ?? '';
    for (let changes = random() < 0.6 ? 1 : 3; changes > 0; changes--) {
      const from = Math.floor(random() * text.length);
      const insert = random() < 0.2 ? '' : (pick(SPLICES) ?? '');
      text = text.slice(0, from) + insert + text.slice(from + Math.floor(random() * 3));
    }
    return { name: `random ${at} of seed ${seed}`, text };
  });
}
