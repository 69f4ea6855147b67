/**
 * From where visitors may come, in every mode. CIDR, then country, then reputation; a denial is final. Whatever cannot
 * be evaluated denies.
 */
export interface Restrictions {
  /** Networks in their one spelling (`10.0.0.0/8`). Present and without a match: denied. */
  readonly allowCidrs?: readonly string[];
  readonly blockCidrs?: readonly string[];
  /** ISO 3166-1 alpha-2, upper-case. */
  readonly allowCountries?: readonly string[];
  readonly blockCountries?: readonly string[];
  /** Whether a visitor has to match the allow lists of both kinds (`all`, when left out) or of one. Block lists always win. */
  readonly allowMatch?: 'all' | 'any';
  /** What becomes of visitors whom CrowdSec has a decision on; `off` when left out. */
  readonly crowdsec?: CrowdsecMode;
}

/** `enforce` denies, `observe` only notes it in the access log. */
export type CrowdsecMode = 'off' | 'enforce' | 'observe';

/** Networks that one list may hold. */
export const CIDRS_PER_LIST = 200;
/** Countries that one list may hold. */
export const COUNTRIES_PER_LIST = 50;

/** Whether these restrict anything. */
export const isRestricting = (restrictions: Restrictions | undefined): boolean =>
  restrictions !== undefined &&
  ([restrictions.allowCidrs, restrictions.blockCidrs, restrictions.allowCountries, restrictions.blockCountries].some(
    (list) => list !== undefined && list.length > 0,
  ) ||
    (restrictions.crowdsec ?? 'off') !== 'off');
