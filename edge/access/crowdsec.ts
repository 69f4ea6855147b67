import { z } from 'zod';
import { sayReason } from '../../shared/domain/reason.ts';
import { createBackoff } from '../../shared/node/backoff.ts';
import { type Clock, pause } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import { type Decision, Decisions, type LastingDecision } from './decisions.ts';
import type { VisitorAddress } from './network-map.ts';
import type { Remedy } from './policy.ts';

/** Milliseconds between two questions for what is new. */
export const POLL_INTERVAL = 10_000;
/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000;
/** Bytes of an answer: about 200,000 decisions. */
const LARGEST_ANSWER = 48 * 1024 * 1024;

export interface CrowdsecOptions {
  /** Of the local API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The bouncer's key. */
  readonly key: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const decision = z.object({
  scope: z.string(),
  type: z.string(),
  value: z.string(),
  duration: z.string(),
});
/** Empty lists come as `null`. */
const stream = z.object({ new: z.array(decision).nullish(), deleted: z.array(decision).nullish() });
type Stream = z.output<typeof stream>;

/** Decisions in one batch. */
export const BATCH = 2_000;

/** A piece of what other processes of this node are told: everything that is known, or what an answer has changed. */
export interface DecisionBatch {
  /** Answers taken over so far, this one among them. Changes count for who has the version before. */
  readonly version: number;
  /** What its receiver knew before counts no more. */
  readonly everything: boolean;
  /** The pieces of one version come in a row, and count together. */
  readonly first: boolean;
  readonly last: boolean;
  readonly deleted: readonly Decision[];
  readonly made: readonly LastingDecision[];
}

export interface CrowdsecState {
  /** Decisions were synchronised at least once. */
  readonly synchronised: boolean;
  readonly decisions: number;
  /** Why the last question was not answered; `undefined` when it was. */
  readonly fault: string | undefined;
}

/**
 * Follows the decision stream of a CrowdSec local API (`GET /v1/decisions/stream`): all decisions first, then every 10 s
 * what came and went. The API remembers by key what it has told, so after any answer that was lost everything is asked
 * for anew. While it can't be reached, what is known goes on, and runs out in its own time.
 */
export class Crowdsec {
  readonly #options: CrowdsecOptions;
  readonly #end = new AbortController();
  #decisions: Decisions | undefined;
  #fault: string | undefined;
  #running: Promise<void> | undefined;
  #complete = false;
  #version = 0;
  readonly #listeners = new Set<(batch: DecisionBatch) => void>();

  constructor(options: CrowdsecOptions) {
    this.#options = options;
  }

  get state(): CrowdsecState {
    return {
      synchronised: this.#decisions !== undefined,
      decisions: this.#decisions?.size ?? 0,
      fault: this.#fault,
    };
  }

  /** What is to be done about an address; `unavailable` until the first synchronisation. */
  remedy(address: VisitorAddress): Remedy | undefined | 'unavailable' {
    return this.#decisions === undefined ? 'unavailable' : this.#decisions.remedy(address);
  }

  /** Begins to follow. Idempotent. */
  start(): void {
    this.#running ??= this.#follow();
  }

  /** Calls `listener` with every change from now on. Returns how to stop that. */
  watch(listener: (batch: DecisionBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Everything that is known now, in batches; none before the first synchronisation. */
  snapshot(): Iterable<DecisionBatch> {
    if (this.#decisions === undefined) return [];
    return inBatches(this.#version, true, [], [...this.#decisions.lasting()]);
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#end;
    const backoff = createBackoff();
    while (!signal.aborted) {
      const everything = !this.#complete;
      this.#complete = true;
      const taken = await this.#ask(everything);
      if (taken) backoff.reset();
      else this.#complete = false;
      await pause(clock, taken ? POLL_INTERVAL : backoff.next(), signal);
    }
  }

  /** One question; whether its answer was taken over, all of it. */
  async #ask(everything: boolean): Promise<boolean> {
    const { clock, logger } = this.#options;
    try {
      const answer = await this.#fetch(everything);
      const decisions = everything ? new Decisions(() => clock.monotonic()) : this.#decisions;
      if (decisions === undefined) return false;
      const { deleted, made } = changesIn(answer);
      if (!apply(decisions, deleted, made)) throw new Error('it has more decisions than can be kept');
      this.#decisions = decisions;
      this.#version++;
      if (this.#listeners.size > 0)
        for (const batch of inBatches(this.#version, everything, deleted, made))
          for (const listener of this.#listeners) listener(batch);
      if (this.#fault !== undefined) logger.info('CrowdSec answers again');
      this.#fault = undefined;
      return true;
    } catch (error) {
      if (this.#end.signal.aborted) return false;
      const fault = faultOf(error);
      if (fault !== this.#fault) logger.error('CrowdSec cannot be asked', { reason: fault });
      this.#fault = fault;
      return false;
    }
  }

  async #fetch(everything: boolean): Promise<Stream> {
    const { url, key } = this.#options;
    const timeout = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(new URL(`/v1/decisions/stream?startup=${everything}&scopes=ip,range`, url), {
      headers: { 'x-api-key': key, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.any([timeout, this.#end.signal]),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(
        response.status === 403 ? 'it does not accept the key' : `it answered with status ${response.status}`,
      );
    }
    const parsed = stream.safeParse(JSON.parse(await readText(response)));
    if (!parsed.success) throw new Error('its answer is not a decision stream');
    return parsed.data;
  }
}

/** What another process of this node has heard of CrowdSec, which tells each of its clients everything once. */
export class CrowdsecCopy {
  readonly #now: () => number;
  readonly #pieces: DecisionBatch[] = [];
  #decisions: Decisions | undefined;
  #version = 0;

  /** `now` in monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** As `Crowdsec.remedy`. What is known goes on when nobody says anything more. */
  remedy(address: VisitorAddress): Remedy | undefined | 'unavailable' {
    return this.#decisions === undefined ? 'unavailable' : this.#decisions.remedy(address);
  }

  /** Takes a piece over; all pieces of a version count at once. Changes to what isn't known here mean nothing. */
  take(batch: DecisionBatch): void {
    if (batch.first) this.#pieces.length = 0;
    this.#pieces.push(batch);
    if (!batch.last) return;
    const pieces = this.#pieces.splice(0);
    const follows = batch.version === this.#version + 1;
    const decisions = batch.everything ? new Decisions(this.#now) : follows ? this.#decisions : undefined;
    if (decisions === undefined) return;
    for (const { deleted, made } of pieces) if (!apply(decisions, deleted, made)) return;
    this.#decisions = decisions;
    this.#version = batch.version;
  }
}

/** What an answer says of addresses. */
function changesIn(answer: Stream): {
  readonly deleted: readonly Decision[];
  readonly made: readonly LastingDecision[];
} {
  const made = (answer.new ?? []).filter(({ scope }) => isOfAddresses(scope));
  return {
    deleted: (answer.deleted ?? []).filter(({ scope }) => isOfAddresses(scope)),
    // A duration that can't be read must not let anybody in: it holds until it is taken back.
    made: made.map(({ value, type, duration }) => ({
      value,
      type,
      lasts: parseGoDuration(duration) ?? Number.POSITIVE_INFINITY,
    })),
  };
}

/** Deletions first: one answer may take back a decision and make it anew. */
function apply(decisions: Decisions, deleted: readonly Decision[], made: readonly LastingDecision[]): boolean {
  for (const gone of deleted) decisions.remove(gone);
  return made.every((one) => decisions.add(one, one.lasts));
}

/** At least one batch, also of nothing: that there is nothing has to be told, too. */
function* inBatches(
  version: number,
  everything: boolean,
  deleted: readonly Decision[],
  made: readonly LastingDecision[],
): IterableIterator<DecisionBatch> {
  const count = deleted.length + made.length;
  for (let at = 0; at === 0 || at < count; at += BATCH) {
    const end = at + BATCH;
    yield {
      version,
      everything,
      first: at === 0,
      last: end >= count,
      deleted: deleted.slice(at, end).map(({ value, type }) => ({ value, type })),
      made: made.slice(Math.max(0, at - deleted.length), Math.max(0, end - deleted.length)),
    };
  }
}

const isOfAddresses = (scope: string): boolean => ['ip', 'range'].includes(scope.toLowerCase());

const UNITS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Milliseconds of a duration as Go prints it (`3h59m12.5s`, `-1m3s`); `undefined` when it is none. */
export function parseGoDuration(text: string): number | undefined {
  if (!/^-?(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g))
    sum += Number(number) * (UNITS[unit] ?? 0);
  return text.startsWith('-') ? -sum : sum;
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > LARGEST_ANSWER) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** In words, without anything of the answer: it may hold whatever somebody put there. */
function faultOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'its answer is not JSON';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'it did not answer in time';
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return sayReason(systemReason(cause));
}
