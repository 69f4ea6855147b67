import type { Restrictions } from '../../shared/domain/restrictions.ts';
import { type AddressKnowledge, compilePolicy, type Judgement, type Policy } from './policy.ts';

/** Says who may come in from where. */
export interface Access {
  /** Judges the visitor at `address` (textual). Without restrictions everybody passes. */
  judge(restrictions: Restrictions | undefined, address: string): Judgement;
}

const PASS: Judgement = Object.freeze({});

/**
 * Judges by the restrictions of each service, compiled once: the route table hands out the same value until the service
 * changes.
 */
export function createAccess(knowledge: AddressKnowledge): Access {
  const policies = new WeakMap<Restrictions, Policy>();
  const policyOf = (restrictions: Restrictions): Policy => {
    const known = policies.get(restrictions);
    if (known !== undefined) return known;
    const policy = compilePolicy(restrictions);
    policies.set(restrictions, policy);
    return policy;
  };
  return {
    judge: (restrictions, address) =>
      restrictions === undefined ? PASS : policyOf(restrictions).judge(address, knowledge),
  };
}
