import type { FastifyRequest } from 'fastify';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, type Result } from '../../shared/domain/result.ts';
import { authenticate } from '../store/credential.ts';
import type { Agent, Store } from '../store/store.ts';

/** Remembers which sources failed too often. */
export interface Throttle {
  allows(source: string): boolean;
  failed(source: string): void;
}

/** Seconds that somebody who failed too often is told to wait. */
const WAIT_SECONDS = 5;

/** Lets in those who prove themselves, and holds off addresses that keep failing to. */
export class Gate {
  readonly #store: Store;
  readonly #throttle: Throttle;
  readonly #sourceOf: (address: string) => string;

  constructor(store: Store, throttle: Throttle, sourceOf: (address: string) => string) {
    this.#store = store;
    this.#throttle = throttle;
    this.#sourceOf = sourceOf;
  }

  /**
   * The agent whose credential the request carries. A good credential always passes, so that somebody else's
   * failures behind the same address (on an embedded edge: any) lock nobody out.
   */
  async agent(request: FastifyRequest): Promise<Result<Agent, Failure>> {
    const [, credential] = /^Bearer +(\S{1,200}) *$/i.exec(request.headers.authorization ?? '') ?? [];
    const found = await authenticate(this.#store, credential ?? '');
    return found.ok ? found : err(this.#count(request, found.error));
  }

  /** Runs an attempt with a secret that may be guessed at; `undefined` from `attempt`'s caller means held off. */
  async attempt<T>(request: FastifyRequest, attempt: () => Promise<Result<T, Failure>>): Promise<Result<T, Failure>> {
    if (!this.#throttle.allows(this.#source(request))) return err(tooMany());
    const outcome = await attempt();
    return outcome.ok ? outcome : err(this.#count(request, outcome.error));
  }

  #count(request: FastifyRequest, reason: Failure): Failure {
    const guess = reason.code === 'credential_unknown' || reason.code.startsWith('token_');
    if (!guess) return reason;
    const source = this.#source(request);
    const held = !this.#throttle.allows(source);
    this.#throttle.failed(source);
    return held ? tooMany() : reason;
  }

  #source(request: FastifyRequest): string {
    return this.#sourceOf(request.raw.socket.remoteAddress ?? '');
  }
}

const tooMany = (): Failure => failure('too_many_tries', { seconds: WAIT_SECONDS });
