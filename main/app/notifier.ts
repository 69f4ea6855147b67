import type { AgentState, Preferences } from '../../shared/contract/agent-state.ts';
import type { LogBatch } from '../../shared/contract/control-api.ts';
import type { Notice } from '../../shared/contract/ipc.ts';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import { sayExplanation } from '../../shared/words/say.ts';
import { languageOf } from './language.ts';
import { NOTICE_WORDS, type NoticeWords } from './notice-words.ts';

/** Milliseconds without a link after which the user hears of it: what mends itself sooner is no news. */
export const OFFLINE_AFTER = 30_000;
/** Services whose first visitor was told of; more are forgotten, the oldest first. */
const REMEMBERED = 1000;

export interface NotifierOptions {
  readonly clock: Clock;
  readonly preferences: () => Preferences;
  /** Notices go out here, whatever the hour; `loud`: also as a notification of the system. */
  readonly deliver: (notice: Notice, loud: boolean) => void;
}

type News = Omit<Notice, 'id'>;

/**
 * Tells the user what it should hear of: the laptop was offline for more than half a minute, and is back; a certificate
 * failed; a service had its first visitor. Nothing flaps: each is told once until it is over.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  #nextId = 1;
  #wasUp = false;
  #offline: { readonly cancel: CancelTimer; told: boolean } | undefined;
  /** Services whose certificate's failure was told. */
  readonly #failed = new Set<string>();
  /** Services that had a visitor, as far as this start knows. */
  readonly #visited = new Set<string>();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** A new snapshot. */
  onState(state: AgentState): void {
    this.#followLink(state);
    this.#followCertificates(state);
  }

  /** New lines of the access log. */
  onLog({ records }: LogBatch, state: AgentState): void {
    for (const record of records) this.#followVisitor(record, state);
  }

  /** Something that the shell itself has to say. */
  say(news: News): void {
    this.#deliver(news);
  }

  close(): void {
    this.#offline?.cancel();
    this.#offline = undefined;
  }

  get #words(): NoticeWords {
    return NOTICE_WORDS[languageOf(this.#options.preferences())];
  }

  #followLink({ edge, services, phase }: AgentState): void {
    const { state } = edge.link;
    if (state === 'up') {
      if (this.#offline?.told === true) this.#deliver({ kind: 'back', ...this.#words.back });
      this.#wasUp = true;
      this.close();
      return;
    }
    // Whoever pauses or quits knows; before the first link there was nothing to lose.
    const wanted = this.#wasUp && phase === 'ready' && (state === 'down' || state === 'connecting');
    if (!wanted) this.close();
    if (!wanted || this.#offline !== undefined) return;
    const enabled = services.filter((service) => service.enabled).length;
    const offline = { cancel: this.#options.clock.setTimeout(() => tell(), OFFLINE_AFTER), told: false };
    const tell = (): void => {
      offline.told = true;
      this.#deliver({ kind: 'offline', ...this.#words.offline(enabled) });
    };
    this.#offline = offline;
  }

  #followCertificates({ services, servicesKnown }: AgentState): void {
    if (!servicesKnown) return;
    const failed = services.filter((service) => service.status === 'certificate_failed');
    for (const id of this.#failed) if (!failed.some((service) => service.id === id)) this.#failed.delete(id);
    for (const { id, name, statusReason = '', statusWhy } of failed) {
      if (this.#failed.has(id)) continue;
      this.#failed.add(id);
      const reason = sayExplanation(statusWhy, statusReason, languageOf(this.#options.preferences()));
      this.#deliver({ kind: 'certificate', serviceId: id, ...this.#words.certificate(name, reason) });
    }
  }

  #followVisitor({ serviceId, failure, address, country }: AccessRecord, { services }: AgentState): void {
    if (serviceId === undefined || failure !== undefined || this.#visited.has(serviceId)) return;
    const service = services.find((one) => one.id === serviceId);
    if (service === undefined || isOwn(address)) return;
    const [oldest] = this.#visited;
    if (this.#visited.size >= REMEMBERED && oldest !== undefined) this.#visited.delete(oldest);
    this.#visited.add(serviceId);
    const from = country === undefined ? address : `${address}, ${country}`;
    this.#deliver({ kind: 'visitor', serviceId, ...this.#words.visitor(service.name, from) });
  }

  #deliver(news: News): void {
    const { preferences, clock, deliver } = this.#options;
    const { notifications, quiet } = preferences();
    deliver({ id: this.#nextId++, ...news }, notifications && !isQuiet(quiet, new Date(clock.now())));
  }
}

/** Whether it is quiet at `now`; hours may run over midnight. */
export function isQuiet(quiet: Preferences['quiet'], now: Date): boolean {
  if (quiet === undefined) return false;
  const time = `${String(now.getHours()).padStart(2, '0')}:${String(now.getMinutes()).padStart(2, '0')}`;
  return quiet.from <= quiet.to ? time >= quiet.from && time < quiet.to : time >= quiet.from || time < quiet.to;
}

/** Whoever looks at its own service needn't be told. */
const isOwn = (address: string): boolean => address === '::1' || address.startsWith('127.');
