import type { ServiceView } from '../../shared/contract/control-api.ts';

/**
 * The service as it is known best: what a save answered until the snapshot (`told`), which comes a moment later, has
 * reached that change. Whoever edits on at once begins with that: lists are saved whole, so one of before would take
 * back what was just added. Snapshots of earlier saves may still arrive after the answer to a later one.
 */
export const latestOf = (told: ServiceView, answer: ServiceView | undefined): ServiceView =>
  answer !== undefined && (answer.revision ?? 0) > (told.revision ?? 0) ? answer : told;
