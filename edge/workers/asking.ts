import type { Failure } from '../../shared/domain/failure.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { CertificateMaterial } from '../certificates/certificates.ts';
import type { PortKey } from '../listen/service-ports.ts';
import type { Answer, Question } from './protocol.ts';

/** Milliseconds until the control process counts as not answering. */
const TIMEOUT = 5_000;

/** The questions of a worker that the control process has yet to answer. Bounded by whoever asks. */
export class Asking {
  readonly #send: (id: number, question: Question) => void;
  readonly #clock: Clock;
  readonly #open = new Map<number, (answer: Answer | undefined) => void>();
  #id = 0;

  constructor(send: (id: number, question: Question) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** The certificate for `name`; `undefined` when none covers it, or nobody answers. Never rejects. */
  async certificate(name: string): Promise<CertificateMaterial | undefined> {
    const answer = await this.#ask({ about: 'certificate', name });
    return answer?.about === 'certificate' ? answer.material : undefined;
  }

  /** Why a port may not be listened on; `undefined` when it may, or nobody answers. */
  async port(key: PortKey): Promise<Failure | undefined> {
    const answer = await this.#ask({ about: 'port', key });
    return answer?.about === 'port' ? answer.failure : undefined;
  }

  /** The control process has answered question `id`. */
  answer(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
  }

  #ask(question: Question): Promise<Answer | undefined> {
    const id = ++this.#id;
    return new Promise((resolve) => {
      const done = (answer: Answer | undefined): void => {
        cancel();
        this.#open.delete(id);
        resolve(answer);
      };
      const cancel = this.#clock.setTimeout(() => done(undefined), TIMEOUT);
      this.#open.set(id, done);
      this.#send(id, question);
    });
  }
}
