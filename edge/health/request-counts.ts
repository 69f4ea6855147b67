import type { AccessRecord } from '../../shared/domain/access-record.ts';
import type { FailureCode } from '../../shared/domain/failure.ts';

/** Why visitors are not let in: by where they come from, and by who they are. */
const DENIALS = [
  'ip_restricted',
  'country_restricted',
  'geo_unavailable',
  'crowdsec_ban',
  'crowdsec_captcha',
  'crowdsec_throttle',
  'crowdsec_unavailable',
  'login_required',
  'login_failed',
  'login_locked',
  'login_busy',
  'login_cross_site',
  'header_rejected',
  'share_invalid',
  'share_over',
  'sso_denied',
  'sso_failed',
  'sso_expired',
] as const satisfies readonly FailureCode[];

/** Plain counters of what visitors were answered, for the metrics. */
export class RequestCounts {
  requests = 0;
  /** By hundreds of the status; the first counts visitors who left before an answer. */
  readonly #classes = [0, 0, 0, 0, 0, 0];
  readonly #denied = new Map<FailureCode, number>(DENIALS.map((code) => [code, 0]));

  /** Counts a request that is complete, or an upgrade when it opens. */
  count(record: AccessRecord): void {
    if (record.kind === 'close') return;
    this.requests++;
    const at = Math.min(5, Math.max(0, Math.floor(record.status / 100)));
    this.#classes[at] = (this.#classes[at] ?? 0) + 1;
    if (record.failure !== undefined) this.deny(record.failure);
  }

  /** Counts a request, a connection or a datagram that was not let in. Other reasons than those are not counted here. */
  deny(code: FailureCode): void {
    const count = this.#denied.get(code);
    if (count !== undefined) this.#denied.set(code, count + 1);
  }

  denied(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#denied);
  }

  responses(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#classes.map((count, at) => [at === 0 ? 'none' : `${at}xx`, count]));
  }
}
