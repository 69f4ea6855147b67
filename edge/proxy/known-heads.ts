/** Heads that are remembered at once, and the longest of them in bytes: with what is worked out of them, below 2 MB. */
const SLOTS = 128;
const LONGEST = 2048;
/** Bytes that are looked at to tell heads apart before they are compared: the first ones, and of the rest. */
const FIRST = 48;
const SAMPLES = 16;
/** How often a remembered head that was not of use in between keeps its place before another one. */
const PATIENCE = 32;

/** A head, as far as this is about it. */
export interface Recurring {
  /** It is remembered: what is worked out of this very object is worth keeping. */
  recurs: boolean;
}

interface Known<H> {
  readonly bytes: Buffer;
  readonly head: H;
  /** It came again since the last look. */
  used: boolean;
  /** How often it still keeps its place. */
  patience: number;
}

/**
 * Heads that came more than once, and what they say. Whoever asks again and again over one connection (a page that
 * polls, a program that calls an API, a monitor) sends the same bytes each time, and an origin answers with the same
 * ones for as long as its clock shows the same second: comparing them costs a tenth of reading them. What is
 * remembered is a pure function of the bytes, so it may be shared by everybody. It is forgotten soon after it was last
 * of use, for heads carry secrets.
 */
export class KnownHeads<H extends Recurring, F extends string | undefined> {
  readonly #parse: (text: string) => H | F;
  readonly #slots = new Array<Known<H> | undefined>(SLOTS).fill(undefined);
  /** What was seen in each slot last: only what comes a second time is kept. */
  readonly #seen = new Int32Array(SLOTS);
  #kept = 0;

  constructor(parse: (text: string) => H | F) {
    this.#parse = parse;
  }

  /** The head in `buffer[start, end)`, without its empty line, or why it is none. Never to be changed. */
  read(buffer: Buffer, start: number, end: number): H | F {
    const length = end - start;
    if (length > LONGEST) return this.#parse(buffer.toString('latin1', start, end));
    const sum = checksum(buffer, start, end);
    const slot = (sum ^ (sum >>> 16)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known?.bytes.length === length && buffer.compare(known.bytes, 0, length, start, end) === 0) {
      known.used = true;
      known.patience = PATIENCE;
      return known.head;
    }
    const head = this.#parse(buffer.toString('latin1', start, end));
    if (this.#seen[slot] !== sum) this.#seen[slot] = sum;
    // Heads that are told apart only by bytes that nobody looks at seem to come again each time, and keeping one costs
    // more than reading it.
    else if (typeof head === 'object' && (known === undefined || known.patience-- === 0))
      this.#keep(slot, buffer.subarray(start, end), head);
    return head;
  }

  #keep(slot: number, text: Buffer, head: H): void {
    if (this.#slots[slot] === undefined) this.#kept++;
    head.recurs = true;
    // Memory of its own: a piece of Node's pool would keep 64 KiB of what others wrote there.
    const bytes = Buffer.allocUnsafeSlow(text.length);
    text.copy(bytes);
    this.#slots[slot] = { bytes, head, used: true, patience: PATIENCE };
  }

  /** Once a second: forgets what was not of use since the last time. */
  expire(): void {
    if (this.#kept === 0) return;
    this.#slots.forEach((known, slot) => {
      if (known === undefined) return;
      if (known.used) known.used = false;
      else {
        this.#slots[slot] = undefined;
        this.#kept--;
      }
    });
  }

  /** Heads remembered. */
  get size(): number {
    return this.#kept;
  }
}

/** Of the first bytes of `buffer[start, end)`, where requests differ, and of some all over the rest. */
function checksum(buffer: Buffer, start: number, end: number): number {
  let sum = end - start;
  const first = Math.min(end, start + FIRST);
  for (let at = start; at < first; at++) sum = (Math.imul(sum, 31) + (buffer[at] ?? 0)) | 0;
  const step = Math.max(1, Math.floor((end - first) / SAMPLES));
  for (let at = end - 3; at >= first; at -= step) sum = (Math.imul(sum, 31) + (buffer[at] ?? 0)) | 0;
  return sum;
}
