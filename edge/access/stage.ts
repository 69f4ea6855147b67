import type { Judge, Stage } from '../visit.ts';

/** The stage that turns away visitors of HTTP services by where they come from. */
export function createAccessStage(judge: Judge): Stage {
  return (visit) => {
    const restrictions = visit.route?.restrictions;
    if (restrictions === undefined) return undefined;
    const { denied, observed, country } = judge(restrictions, visit.connection.peerAddress);
    if (country !== undefined || observed !== undefined) {
      visit.note ??= {};
      if (country !== undefined) visit.note.country = country;
      if (observed !== undefined) visit.note.observed = observed;
    }
    return denied;
  };
}
