/** What the streams to one service have in common, in all carriers of a link. */
export interface Lane {
  readonly key: number;
  /** Its streams. */
  streams: number;
  /** Bytes that they have written and the carriers' queues had no room for. */
  held: number;
}

/** One that waits for room in a carrier's queue. */
export interface Waiter {
  readonly lane: Lane;
  /** Bytes that it has sent, or is about to, since `round` of its lane began. */
  spent(round: number): number;
}

/** A waiter that has sent no more than this since its lane's round began goes before those that have; bytes. */
const MODEST = 16 * 1024;

/** Waiters of one service. */
class Queue<W> {
  /** Those that have sent little, and the others. */
  readonly modest: W[] = [];
  readonly greedy: W[] = [];
  /** Ends when all who were in `greedy` at its beginning have had their turn; no other has the same number. */
  round: number;
  readonly #nextRound: () => number;
  #left = 0;
  #greedyNext = false;

  constructor(nextRound: () => number) {
    this.#nextRound = nextRound;
    this.round = nextRound();
  }

  get length(): number {
    return this.modest.length + this.greedy.length;
  }

  shift(): W | undefined {
    const greedy = this.modest.length === 0 || (this.#greedyNext && this.greedy.length > 0);
    this.#greedyNext = !greedy;
    if (!greedy) return this.modest.shift();
    if (this.#left === 0) {
      this.round = this.#nextRound();
      this.#left = this.greedy.length;
    }
    this.#left--;
    return this.greedy.shift();
  }
}

/**
 * Who waits for room in a carrier's queue. Services have their turn one after the other, however many streams each of
 * them has; of one service's streams, one that has sent little since all the others had theirs, then one of the others.
 * So what is small waits for a few turns, not for the length of the line.
 */
export class WaitingLine<W extends Waiter> {
  /** By whose turn it is. */
  readonly #queues = new Map<Lane, Queue<W>>();
  #rounds = 0;
  length = 0;

  push(waiter: W): void {
    const { lane } = waiter;
    let queue = this.#queues.get(lane);
    if (queue === undefined) {
      queue = new Queue(() => ++this.#rounds);
      this.#queues.set(lane, queue);
    }
    (waiter.spent(queue.round) <= MODEST ? queue.modest : queue.greedy).push(waiter);
    this.length++;
  }

  /** The one whose turn it is; it stands in line no more. */
  shift(): W | undefined {
    for (const [lane, queue] of this.#queues) {
      this.#queues.delete(lane);
      const waiter = queue.shift();
      if (queue.length > 0) this.#queues.set(lane, queue);
      this.length--;
      return waiter;
    }
    return undefined;
  }

  clear(): void {
    this.#queues.clear();
    this.length = 0;
  }
}
