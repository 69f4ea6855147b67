import { parseCidr } from '../../shared/domain/cidr.ts';
import type { CrowdsecMode, Restrictions } from '../../shared/domain/restrictions.ts';
import type { Judgement } from '../visit.ts';
import { NetworkMap, readAddress, type VisitorAddress } from './network-map.ts';

/** What CrowdSec wants done about an address. */
export type Remedy = 'ban' | 'captcha' | 'throttle';

/** What is known of addresses. Asked only by policies that need it. */
export interface AddressKnowledge {
  /** ISO 3166-1 alpha-2; `undefined` when the database has no country for it, `unavailable` when there is no database. */
  country(address: VisitorAddress): string | undefined | 'unavailable';
  /** `unavailable` until decisions were synchronised once. */
  remedy(address: VisitorAddress): Remedy | undefined | 'unavailable';
}

/** Restrictions, ready to be asked. */
export interface Policy {
  judge(address: string, knowledge: AddressKnowledge): Judgement;
}

const PASS: Judgement = Object.freeze({});
const IP_RESTRICTED: Judgement = Object.freeze({ denied: 'ip_restricted' });
const GEO_UNAVAILABLE: Judgement = Object.freeze({ denied: 'geo_unavailable' });
const COUNTRY_RESTRICTED: Judgement = Object.freeze({ denied: 'country_restricted' });

/** Nobody comes in where what the owner meant can't be read. */
const CLOSED: Policy = { judge: () => IP_RESTRICTED };

/** The policy that `restrictions` are; one that denies everybody where they can't be read. */
export function compilePolicy(restrictions: Restrictions): Policy {
  const { allowMatch = 'all', crowdsec = 'off' } = restrictions;
  const allowed = networks(restrictions.allowCidrs);
  const blocked = networks(restrictions.blockCidrs);
  if (allowed === 'unreadable' || blocked === 'unreadable') return CLOSED;
  if (!['all', 'any'].includes(allowMatch) || !['off', 'enforce', 'observe'].includes(crowdsec)) return CLOSED;
  const allowedCountries = countries(restrictions.allowCountries);
  const blockedCountries = countries(restrictions.blockCountries);
  const any = allowMatch === 'any' && allowed !== undefined && allowedCountries !== undefined;
  return new CompiledPolicy({ allowed, blocked, allowedCountries, blockedCountries, any, crowdsec });
}

interface Rules {
  readonly allowed: NetworkMap<true> | undefined;
  readonly blocked: NetworkMap<true> | undefined;
  readonly allowedCountries: ReadonlySet<string> | undefined;
  readonly blockedCountries: ReadonlySet<string> | undefined;
  /** A match of one allow list is enough; only where there are both. */
  readonly any: boolean;
  readonly crowdsec: CrowdsecMode;
}

class CompiledPolicy implements Policy {
  readonly #rules: Rules;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  judge(text: string, knowledge: AddressKnowledge): Judgement {
    const address = readAddress(text);
    if (address === undefined) return IP_RESTRICTED;
    const { allowed, blocked, any } = this.#rules;
    const byAddress = allowed === undefined || allowed.narrowest(address) === true;
    if (!byAddress && !any) return IP_RESTRICTED;
    if (blocked?.narrowest(address) === true) return IP_RESTRICTED;
    const origin = this.#judgeCountry(address, any && byAddress, knowledge);
    return origin.denied === undefined ? this.#judgeRemedy(address, origin, knowledge) : origin;
  }

  /** `enough`: the allow list of networks has let it in already. */
  #judgeCountry(address: VisitorAddress, enough: boolean, knowledge: AddressKnowledge): Judgement {
    const { allowedCountries, blockedCountries } = this.#rules;
    if (allowedCountries === undefined && blockedCountries === undefined) return PASS;
    const country = knowledge.country(address);
    // Where the country could change nothing any more, not to know it denies nobody.
    if (country === 'unavailable') return enough && blockedCountries === undefined ? PASS : GEO_UNAVAILABLE;
    if (country === undefined) return allowedCountries === undefined || enough ? PASS : COUNTRY_RESTRICTED;
    const allowed = enough || allowedCountries === undefined || allowedCountries.has(country);
    return allowed && blockedCountries?.has(country) !== true ? { country } : { ...COUNTRY_RESTRICTED, country };
  }

  #judgeRemedy(address: VisitorAddress, origin: Judgement, knowledge: AddressKnowledge): Judgement {
    const { crowdsec } = this.#rules;
    if (crowdsec === 'off') return origin;
    const remedy = knowledge.remedy(address);
    if (remedy === undefined) return origin;
    const code = `crowdsec_${remedy}` as const;
    return crowdsec === 'enforce' ? { ...origin, denied: code } : { ...origin, observed: code };
  }
}

function networks(texts: readonly string[] | undefined): NetworkMap<true> | undefined | 'unreadable' {
  if (texts === undefined || texts.length === 0) return undefined;
  const map = new NetworkMap<true>();
  for (const text of texts) {
    const cidr = parseCidr(text);
    if (cidr === undefined) return 'unreadable';
    map.set(cidr, true);
  }
  return map;
}

const countries = (codes: readonly string[] | undefined): ReadonlySet<string> | undefined =>
  codes === undefined || codes.length === 0 ? undefined : new Set(codes.map((code) => code.toUpperCase()));
