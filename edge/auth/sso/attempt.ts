import { z } from 'zod';
import type { ClusterKey } from '../cluster-key.ts';

/** A sign-in that has begun. It lives in the visitor's browser alone, sealed, so that any node can go on with it. */
export interface Attempt {
  /** Random; also in the state that goes to the provider and back. */
  readonly id: string;
  readonly providerId: string;
  readonly serviceId: string;
  /** PKCE (RFC 7636). */
  readonly verifier: string;
  /** Comes back in the ID token. */
  readonly nonce: string;
  /** Where the visitor wanted to go: a path of the service, query included. */
  readonly next: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What goes to the provider and comes back by way of the cluster's own name: which attempt, of which service. */
export interface State {
  readonly id: string;
  /** Origin of the service, such as `https://shop.example.com`. */
  readonly origin: string;
}

/** How long a visitor may take at the provider, in milliseconds. */
export const ATTEMPT_LIFETIME = 10 * 60_000;

const attemptSchema = z.strictObject({
  id: z.string(),
  providerId: z.string(),
  serviceId: z.string(),
  verifier: z.string(),
  nonce: z.string(),
  next: z.string(),
  expiresAt: z.number(),
});
const stateSchema = z.strictObject({ id: z.string(), origin: z.string() });

/** Seals attempts and states, so that nobody else can make one up. */
export class AttemptSealer {
  readonly #attempts: ClusterKey;
  readonly #states: ClusterKey;

  constructor(key: ClusterKey) {
    this.#attempts = key.derive('porthole sign-in attempt v1');
    this.#states = key.derive('porthole sign-in state v1');
  }

  sealAttempt(attempt: Attempt): string {
    return seal(this.#attempts, attempt);
  }

  /** `undefined` when it wasn't made here, or is over at `now`. */
  openAttempt(sealed: string, now: number): Attempt | undefined {
    const parsed = attemptSchema.safeParse(open(this.#attempts, sealed));
    return parsed.success && parsed.data.expiresAt > now ? parsed.data : undefined;
  }

  sealState(state: State): string {
    return seal(this.#states, state);
  }

  openState(sealed: string): State | undefined {
    const parsed = stateSchema.safeParse(open(this.#states, sealed));
    return parsed.success ? parsed.data : undefined;
  }
}

const seal = (key: ClusterKey, value: object): string =>
  Buffer.from(key.seal(Buffer.from(JSON.stringify(value))), 'base64').toString('base64url');

function open(key: ClusterKey, sealed: string): unknown {
  const plain = key.open(Buffer.from(sealed, 'base64url').toString('base64'));
  try {
    return plain === undefined ? undefined : JSON.parse(plain.toString());
  } catch {
    return undefined;
  }
}
