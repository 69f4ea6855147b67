/** Bytes that say whom they are for: a key stream that only one service and one nonce have. */
import { createCipheriv, createHash, type Hash } from 'node:crypto';

const ZEROS = Buffer.alloc(64 * 1024);

/** Endless bytes that belong to `service` and `nonce`, and to nobody else. */
export class ProofStream {
  readonly #cipher;

  constructor(service: string, nonce: string) {
    const key = createHash('sha256').update(`${service} ${nonce}`).digest().subarray(0, 16);
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; left -= ZEROS.length)
      parts.push(this.#cipher.update(ZEROS.subarray(0, Math.min(left, ZEROS.length))));
    return Buffer.concat(parts);
  }

  /** Whether `bytes` are what comes next. */
  matches(bytes: Buffer): boolean {
    return this.take(bytes.length).equals(bytes);
  }
}

/** Every byte that reaches the wrong one ends up here. */
export class Ledger {
  readonly wrong: string[] = [];
  /** What was proved right, by kind of visitor. */
  readonly proved = new Map<string, number>();
  /** What failed for a reason that a visitor is told of, by that reason. */
  readonly failed = new Map<string, number>();
  bytes = 0;
  /** How often an edge was killed so far. */
  edgeKills = 0;

  accuse(text: string): void {
    if (this.wrong.length < 100) this.wrong.push(text);
  }

  prove(kind: string, bytes: number): void {
    this.bytes += bytes;
    this.proved.set(kind, (this.proved.get(kind) ?? 0) + 1);
  }

  excuse(reason: string): void {
    this.failed.set(reason, (this.failed.get(reason) ?? 0) + 1);
  }

  get total(): number {
    return [...this.proved.values()].reduce((sum, count) => sum + count, 0);
  }
}

/** SHA-256, as hexadecimal digits. */
export const sha256 = (): Hash => createHash('sha256');
