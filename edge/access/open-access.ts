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

/** Whoever serves visitors, and knows what the restrictions of services say now. */
export interface Restricted {
  /** The restrictions of the HTTP service with this id; `undefined` where it has none, or is gone. */
  restrictionsOf(serviceId: string): Restrictions | undefined;
  /** Ends the visits under way that `gone` picks out. */
  endVisits(gone: (visit: Visit) => boolean, code: FailureCode): void;
  /** Ends connections and sessions of the other modes that the restrictions of these services deny. */
  recheck(serviceIds: ReadonlySet<string>): void;
}

export interface RestrictedAccess {
  readonly judge: Judge;
  /**
   * Services have changed: makes ready what their restrictions need, and ends what they no longer let in. Where that
   * takes the country database, it ends when that has been read: nobody is cut because it wasn't there yet.
   */
  follow(changes: readonly { readonly id: string; readonly service: Service | undefined }[], those: Restricted): void;
  /** Resolves when everything is there that the services followed so far need, or is known to be missing. */
  ready(): Promise<void>;
}

/** Who may come in from where, in one process. The country database is read once the first service needs it. */
export function openAccess({ countryDatabase, around, reputation }: AccessParts, life: Lifetime): RestrictedAccess {
  const countries = new CountryDatabase({ file: countryDatabase, ...around });
  life.defer(() => countries.close());
  const judge = createJudge({
    country: (address) => countries.country(address),
    remedy: (address) => reputation.remedy(address),
  });
  let loading = Promise.resolve();
  return {
    judge,
    ready: () => loading,
    follow(changes, those) {
      const restricted = new Set<string>();
      let needed = false;
      for (const { id, service } of changes) {
        if (service?.restrictions === undefined || !isRestricting(service.restrictions)) continue;
        restricted.add(id);
        needed ||= needsCountries(service.restrictions);
      }
      if (restricted.size === 0) return;
      const end = (): void => {
        endDenied(restricted, judge, those);
        those.recheck(restricted);
      };
      if (needed) loading = countries.use();
      if (needed && !countries.settled) void loading.then(end);
      else end();
    },
  };
}

const needsCountries = ({ allowCountries = [], blockCountries = [] }: Restrictions): boolean =>
  allowCountries.length + blockCountries.length > 0;

/** Ends what the services' restrictions deny now, each visit with its own reason. */
function endDenied(ids: ReadonlySet<string>, judge: Judge, those: Restricted): void {
  const denialOf = ({ route, connection }: Visit): FailureCode | undefined => {
    const restrictions =
      route !== undefined && ids.has(route.serviceId) ? those.restrictionsOf(route.serviceId) : undefined;
    return restrictions === undefined ? undefined : judge(restrictions, connection.peerAddress).denied;
  };
  const reasons = new Set<FailureCode>();
  const note = (visit: Visit): false => {
    const denied = denialOf(visit);
    if (denied !== undefined) reasons.add(denied);
    return false;
  };
  those.endVisits(note, 'ip_restricted');
  for (const reason of reasons) those.endVisits((visit) => denialOf(visit) === reason, reason);
}
