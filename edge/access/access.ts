import type { Restrictions } from '../../shared/domain/restrictions.ts';
import type { Judge } from '../visit.ts';
import { type AddressKnowledge, compilePolicy, type Policy } from './policy.ts';

/**
 * Judges by the restrictions of each service, compiled once: the route table hands out the same value until the service
 * changes.
 */
export function createJudge(knowledge: AddressKnowledge): Judge {
  const policies = new WeakMap<Restrictions, Policy>();
  return (restrictions, address) => {
    let policy = policies.get(restrictions);
    if (policy === undefined) {
      policy = compilePolicy(restrictions);
      policies.set(restrictions, policy);
    }
    return policy.judge(address, knowledge);
  };
}
