import type { AgentState, NodeLink } from '../../shared/contract/agent-state.ts';
import type { Diagnosis, DiagnosisStep, DiagnosisValues } from '../../shared/contract/diagnosis.ts';
import type { MarkState } from '../controls/mark.tsx';
import { sayFailure, sayReason } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';

/** The answer to the first glance: is the line good, and if not, where is it broken? */
export interface ConnectionHeading {
  readonly mark: MarkState;
  readonly title: string;
  readonly body: string;
}

export function connectionHeading({ edge }: AgentState): ConnectionHeading {
  const words = t.connection;
  if (edge.process === 'stopped') return { mark: 'error', title: words.stopped, body: words.brokenBody };
  if (edge.link.state === 'paused') return { mark: 'off', title: words.paused, body: words.pausedBody };
  if (edge.link.state === 'up')
    return edge.kind === 'embedded'
      ? { mark: 'on', title: words.goodHere, body: words.goodHereBody }
      : { mark: 'on', title: words.good, body: words.goodBody(edge.domain) };
  if (edge.link.failure === undefined)
    return { mark: 'connecting', title: words.connecting, body: words.connectingBody };
  return { mark: 'attention', title: words.broken, body: words.brokenBody };
}

/** What others asked to reach here and nobody has answered. */
export const guestsWaiting = (state: AgentState | undefined): number =>
  (state?.guests ?? []).filter((guest) => !guest.allowed && guest.refused !== true).length;

/** The links to single nodes; before there is an agent, or from an older main, the one that is their sum. */
export function linksOf({ edge, links }: AgentState): readonly Partial<NodeLink>[] {
  const single = edge.links ?? links ?? [];
  return single.length > 0 ? single : [edge.link];
}

/** A fingerprint in groups that an eye can compare. */
export const groupHex = (hex: string): string => hex.match(/.{1,4}/g)?.join(' ') ?? hex;

/** What a step is about: `Certificate`, `Server of shop`. */
export const stepName = ({ kind, service }: DiagnosisStep): string =>
  service === undefined ? t.diagnosis.kind[kind] : `${t.diagnosis.kind[kind]}: ${service}`;

/** What a step found and what mends it; nothing until it is over. */
export const stepWords = ({ finding, values = {} }: DiagnosisStep): string =>
  finding === undefined ? '' : t.diagnosis.found[finding](worded(values));

/** Refusals and reasons in words. */
const worded = (values: DiagnosisValues): Readonly<Record<string, string | number>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value !== 'object') return [name, value];
      return [name, 'code' in value ? sayFailure(value) : sayReason(value)];
    }),
  );

/** The outcome in one sentence; nothing while it runs. */
export function diagnosisVerdict(diagnosis: Diagnosis): string {
  if (diagnosis.finishedAt === undefined) return '';
  const broken = diagnosis.steps.find((step) => step.id === diagnosis.broken);
  return broken === undefined ? t.diagnosis.fine : t.diagnosis.brokenAt(stepName(broken));
}

/** The whole as text, to be handed on. */
export function diagnosisText(diagnosis: Diagnosis, version: string, domain: string): string {
  const lines = diagnosis.steps.map((s) => `[${t.diagnosis.state[s.state]}] ${stepName(s)}: ${stepWords(s)}`.trimEnd());
  const head = `${t.product} ${version}, ${domain}, ${new Date(diagnosis.startedAt).toISOString()}`;
  return [head, diagnosisVerdict(diagnosis), '', ...lines, ''].join('\n');
}
