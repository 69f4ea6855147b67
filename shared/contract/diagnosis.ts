/** What "diagnose" finds out about the line between a visitor's edge and this laptop's servers, step by step. */

import type { Failure } from '../domain/failure.ts';
import type { Because } from '../domain/reason.ts';

/** In the order in which they are looked at; `origin` once for each target. */
export const DIAGNOSIS_KINDS = [
  'proxy',
  'name',
  'port',
  'certificate',
  'clock',
  'credential',
  'tunnel',
  'origin',
] as const;
export type DiagnosisKind = (typeof DIAGNOSIS_KINDS)[number];

/** What a step found; whoever shows it has the words for each. */
export type Finding =
  | 'edge_not_running'
  | 'proxy_none'
  | 'proxy_variable'
  | 'proxy_system'
  | 'proxy_spared'
  | 'proxy_untold'
  | 'proxy_invalid'
  | 'name_ok'
  | 'name_is_address'
  | 'name_unknown'
  | 'name_unanswered'
  | 'port_ok'
  | 'port_refused'
  | 'port_silent'
  | 'port_failed'
  | 'port_by_proxy'
  | 'proxy_unreached'
  | 'proxy_refused'
  | 'proxy_credentials'
  | 'certificate_public'
  | 'certificate_private'
  | 'certificate_untrusted'
  | 'certificate_failed'
  | 'clock_ok'
  | 'clock_wrong'
  | 'clock_untold'
  | 'credential_ok'
  | 'credential_unknown'
  | 'credential_failed'
  | 'credential_none'
  | 'tunnel_up'
  | 'tunnel_paused'
  | 'tunnel_down'
  | 'tunnel_connecting'
  | 'origin_ok'
  | 'origin_refused'
  | 'origin_silent'
  | 'origin_failed'
  | 'origin_forbidden'
  | 'origin_udp'
  | 'after_broken';

/** What the words are filled with. A refusal or a reason is said by whoever shows it, as its own sentence or part of one. */
export type DiagnosisValues = Readonly<Record<string, string | number | Because | Failure>>;

export interface DiagnosisStep {
  readonly id: string;
  readonly kind: DiagnosisKind;
  readonly state: 'waiting' | 'running' | 'ok' | 'warn' | 'fail' | 'skipped';
  /** `origin`: the service's name. */
  readonly service?: string;
  /** Once it is over. */
  readonly finding?: Finding;
  /** What the words are filled with: addresses, reasons, milliseconds. No secrets. */
  readonly values?: DiagnosisValues;
}

export interface Diagnosis {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Left out while it runs. */
  readonly finishedAt?: number;
  readonly steps: readonly DiagnosisStep[];
  /** The first step that is broken: mending it comes first. */
  readonly broken?: string;
}
