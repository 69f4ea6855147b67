import type { FailureCode } from '../../shared/domain/failure.ts';
import { isRestricting, type Restrictions } from '../../shared/domain/restrictions.ts';
import type { Service } from '../../shared/domain/service.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Lifetime } from '../../shared/node/lifetime.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { Judge, Visit } from '../visit.ts';
import { createJudge } from './access.ts';
import { CountryDatabase } from './country-database.ts';
import type { AddressKnowledge } from './policy.ts';

export interface AccessParts {
  /** Absolute; the bundled database when left out. */
  readonly countryDatabase: string | undefined;
  readonly around: { readonly clock: Clock; readonly logger: Logger };
  /** What is known of addresses beside their country. */
  readonly reputation: Pick<AddressKnowledge, 'remedy'>;
}

/** Whoever serves HTTP visitors. */
export interface VisitEnder {
  /** Ends the visits under way that `gone` picks out. */
  endVisits(gone: (visit: Visit) => boolean, code: FailureCode): void;
}

export interface RestrictedAccess {
  readonly judge: Judge;
  /** Services have changed: makes ready what their restrictions need, and ends visits that they no longer let in. */
  follow(changes: readonly { readonly id: string; readonly service: Service | undefined }[], visits: VisitEnder): void;
}

/** Who may come in from where, in one process. The country database is read once the first service needs it. */
export function openAccess({ countryDatabase, around, reputation }: AccessParts, life: Lifetime): RestrictedAccess {
  const countries = new CountryDatabase({ file: countryDatabase, ...around });
  life.defer(() => countries.close());
  const judge = createJudge({
    country: (address) => countries.country(address),
    remedy: (address) => reputation.remedy(address),
  });
  return {
    judge,
    follow(changes, visits) {
      const restricted = new Map<string, Restrictions>();
      for (const { id, service } of changes)
        if (service?.restrictions !== undefined && isRestricting(service.restrictions))
          restricted.set(id, service.restrictions);
      if ([...restricted.values()].some(needsCountries)) void countries.use();
      if (restricted.size > 0) endDenied(restricted, judge, visits);
    },
  };
}

const needsCountries = ({ allowCountries = [], blockCountries = [] }: Restrictions): boolean =>
  allowCountries.length + blockCountries.length > 0;

/** Ends what the services' restrictions deny now, each visit with its own reason. */
function endDenied(restricted: ReadonlyMap<string, Restrictions>, judge: Judge, visits: VisitEnder): void {
  const denialOf = ({ route, connection }: Visit): FailureCode | undefined => {
    const restrictions = route === undefined ? undefined : restricted.get(route.serviceId);
    return restrictions === undefined ? undefined : judge(restrictions, connection.peerAddress).denied;
  };
  const reasons = new Set<FailureCode>();
  const note = (visit: Visit): false => {
    const denied = denialOf(visit);
    if (denied !== undefined) reasons.add(denied);
    return false;
  };
  visits.endVisits(note, 'ip_restricted');
  for (const reason of reasons) visits.endVisits((visit) => denialOf(visit) === reason, reason);
}
