import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { Pending, Verdict } from '../visit.ts';
import { CollectedBody } from './collected-body.ts';
import type { BodyReader } from './framing.ts';

/** Milliseconds that a stage may take to decide. */
export const DECISION_TIMEOUT = 30_000;

/** What a decision needs of its surroundings. */
export interface DecisionContext {
  readonly clock: Clock;
  readonly log: Logger;
}

/** A verdict that is still to come, and the body that the stage has asked for. */
export class Decision {
  /** `undefined` when the body stays where it is. */
  readonly body: CollectedBody | undefined;
  readonly #pending: Pending;
  readonly #context: DecisionContext;
  readonly #onVerdict: (verdict: Verdict) => void;
  readonly #gone = new AbortController();
  #cancel: CancelTimer | undefined;
  #begun = false;

  /** `onVerdict` hears the verdict once, in a later turn, unless the decision was given up. */
  constructor(pending: Pending, body: BodyReader, context: DecisionContext, onVerdict: (verdict: Verdict) => void) {
    this.#pending = pending;
    this.#context = context;
    this.#onVerdict = onVerdict;
    this.body = pending.bodyLimit === undefined ? undefined : new CollectedBody(body, pending.bodyLimit);
  }

  /** Lets the stage decide, once everything that it asked for is there. Idempotent. */
  proceed(): void {
    if (this.#begun || this.#gone.signal.aborted || this.body?.done === false) return;
    this.#begun = true;
    this.#cancel = this.#context.clock.setTimeout(() => {
      this.#context.log.error('a stage has not decided in time');
      this.#settle('internal');
    }, DECISION_TIMEOUT);
    void this.#decide(this.body?.take() ?? Buffer.alloc(0));
  }

  async #decide(body: Buffer): Promise<void> {
    try {
      const verdict = await this.#pending.decide(body, this.#gone.signal);
      // A body that was taken can't go on to the origin.
      this.#settle(verdict === undefined && this.body !== undefined ? 'internal' : verdict);
    } catch (error) {
      this.#context.log.error('a stage failed', { error });
      this.#settle('internal');
    }
  }

  #settle(verdict: Verdict): void {
    if (this.#gone.signal.aborted) return;
    this.giveUp();
    this.#onVerdict(verdict);
  }

  /** Nobody waits for it any more. Idempotent. */
  giveUp(): void {
    this.#cancel?.();
    this.#gone.abort();
  }
}
