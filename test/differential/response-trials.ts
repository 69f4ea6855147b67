/** Lets an origin answer oddly to every front, and says what a visitor could be deceived by. */
import { ID } from './corpus.ts';
import { read, SURE_TO_CLOSE } from './reading.ts';
import { markerBody, RESPONSE_CASES, type ResponseCase } from './response-corpus.ts';
import { type Answer, nodeAnswer, nodeReads, strictAnswers } from './response-reading.ts';
import { atOnce, type Front, type Stand } from './stand.ts';

/** Milliseconds that Node's client gets for a response. One that it does not finish in time is compared with nothing. */
const PATIENCE = 5_000;
/** The same for one that is known to be whole. */
const LONG_PATIENCE = 60_000;
const WIDTH = 48;

interface Heard {
  readonly front: Front;
  readonly id: string;
  /** As a strict client reads them; why it would not. */
  readonly answers: readonly Answer[] | string;
}

export interface ResponseTrial {
  readonly response: ResponseCase;
  readonly ours: readonly Heard[];
  readonly theirs: readonly Heard[];
  /** What Node's client makes of what we sent, and of what the origin itself sends; `undefined` when it refuses. */
  readonly nodeOfOurs: NodeVerdict;
  readonly nodeOfOrigin: NodeVerdict;
}

type NodeVerdict = { readonly status: number; readonly body: string } | undefined;

let trials = 0;

/** Tries every case of the corpus on every front. */
export async function tryResponses(stand: Stand, origin: number): Promise<readonly ResponseTrial[]> {
  // The origin without anything in front is asked by Node's client.
  const fronts = [...stand.ours, ...stand.theirs.slice(1)];
  const heard: Heard[][] = RESPONSE_CASES.map(() => []);
  const jobs = RESPONSE_CASES.flatMap((response, at) =>
    fronts.map((front, column) => ({ response, at, front, column })),
  );
  await atOnce(jobs, WIDTH, async ({ response, at, front, column }) => {
    const row = heard[at];
    if (row !== undefined) row[column] = await hear(front, response, at);
  });
  const results: ResponseTrial[] = [];
  await atOnce([...RESPONSE_CASES.entries()], WIDTH, async ([at, response]) => {
    const row = heard[at] ?? [];
    const first = typeof row[0]?.answers === 'string' ? undefined : row[0]?.answers[0];
    const { method } = response;
    const id = nextId();
    const [nodeOfOurs, nodeOfOrigin] =
      first?.whole === true
        ? await Promise.all([
            nodeReads(first.bytes, method, LONG_PATIENCE).then((verdict) => withoutId(verdict, row[0]?.id ?? '')),
            nodeAnswer(origin, `/${id}/${at}`, method, PATIENCE).then((verdict) => withoutId(verdict, id)),
          ])
        : [];
    results[at] = {
      response,
      ours: row.slice(0, stand.ours.length),
      theirs: row.slice(stand.ours.length),
      nodeOfOurs,
      nodeOfOrigin,
    };
  });
  return results;
}

const withoutId = (verdict: NodeVerdict, id: string): NodeVerdict =>
  verdict === undefined ? undefined : { ...verdict, body: verdict.body.replaceAll(id, ID) };

const nextId = (): string => `r${(trials++).toString(36).padStart(5, '0')}`;

async function hear(front: Front, { method, valid }: ResponseCase, at: number): Promise<Heard> {
  const id = nextId();
  const request = (verb: string, what: string, more: string): string =>
    `${verb} /${id}/${what} HTTP/1.1\r\nHost: ${front.host}\r\n${more}\r\n`;
  const text = request(method, String(at), '') + request('GET', 'marker', 'Connection: close\r\n');
  const sure = valid !== undefined && front.before !== undefined;
  const { raw, end } = await read(front, text, sure ? SURE_TO_CLOSE : undefined);
  try {
    const answers = strictAnswers(raw, [method, 'GET'], end === 'closed');
    return { front, id, answers: answers.map((answer) => ({ ...answer, body: answer.body.replaceAll(id, ID) })) };
  } catch (error) {
    return { front, id, answers: String(error) };
  }
}

const REFUSED = 502;
const isFiveHundred = (status: number): boolean => status >= 500 && status <= 599;

/** What is wrong with a trial, in words; nothing when all is well. */
export function faults({ response, ours, theirs, nodeOfOurs, nodeOfOrigin }: ResponseTrial): readonly string[] {
  const found: string[] = [];
  const say = (text: string): void => void found.push(`${response.name}: ${text}\n  ${JSON.stringify(response.parts)}`);
  for (const one of ours) {
    if (typeof one.answers === 'string') say(`${one.front.name} sent ${one.answers}`);
    // A peer between us and the origin may have been deceived, and says so.
    else if (
      one.answers[1] !== undefined &&
      one.answers[1].body !== markerBody(ID) &&
      !isFiveHundred(one.answers[1].status)
    )
      say(`${one.front.name} gave the next request ${JSON.stringify(one.answers[1])}`);
  }
  const direct = ours[0];
  if (direct === undefined || typeof direct.answers === 'string') return found;
  const [first] = direct.answers;
  const { valid } = response;
  if (valid !== undefined && (first?.status !== valid.status || first.body !== valid.body || !first.whole))
    say(`in order, and yet the visitor got ${JSON.stringify(first)}`);
  if (first === undefined || !first.whole) return found;
  const differs = (other: NodeVerdict): boolean =>
    other === undefined || other.status !== first.status || other.body !== first.body;
  if (differs(nodeOfOurs)) say(`Node's client reads ours, ${JSON.stringify(first)}, as ${JSON.stringify(nodeOfOurs)}`);
  if (first.status === REFUSED) return found;
  if (nodeOfOrigin !== undefined && differs(nodeOfOrigin))
    say(`Node's client reads the origin as ${JSON.stringify(nodeOfOrigin)}, we as ${JSON.stringify(first)}`);
  for (const peer of theirs) {
    const other = typeof peer.answers === 'string' ? undefined : peer.answers[0];
    if (other?.whole === true && other.status === first.status && other.body !== first.body)
      say(`${peer.front.name} reads ${JSON.stringify(other.body)}, we read ${JSON.stringify(first.body)}`);
  }
  return found;
}

/** How the trials came out for visitors of ours: refused, passed on whole, broken off or waited for. */
export function outcomes(trials: readonly ResponseTrial[]): { readonly refused: number; readonly relayed: number } {
  const first = trials.map(({ ours }) => (typeof ours[0]?.answers === 'string' ? undefined : ours[0]?.answers[0]));
  return {
    refused: first.filter((answer) => answer?.status === REFUSED).length,
    relayed: first.filter((answer) => answer?.whole === true && answer.status !== REFUSED).length,
  };
}
