import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { Agent, Store } from '../store/store.ts';

interface NamesAgent {
  readonly agentId?: string | undefined;
}

/** The lists of targets in an input, each with its field. */
interface TargetLists {
  readonly targets?: readonly NamesAgent[] | undefined;
  readonly addTargets?: readonly NamesAgent[] | undefined;
  readonly changeTargets?: readonly NamesAgent[] | undefined;
}

/**
 * `input` with the id of each agent that its targets name by id or by what people call it. Fails with `agent_unknown`,
 * `agent_ambiguous` at the target that names it. That the agent exists is all that counts here: its own user decides
 * what may be reached there.
 */
export async function resolveAgents<T extends TargetLists>(store: Store, input: T): Promise<Result<T, Failure>> {
  const lists = (['targets', 'addTargets', 'changeTargets'] as const).filter((list) =>
    input[list]?.some((target) => target.agentId !== undefined),
  );
  if (lists.length === 0) return ok(input);
  const agents = await store.agents();
  if (!agents.ok) return agents;
  const resolved: Record<string, readonly NamesAgent[]> = {};
  for (const list of lists) {
    const targets: NamesAgent[] = [];
    for (const [index, target] of (input[list] ?? []).entries()) {
      const agentId = target.agentId === undefined ? ok(undefined) : find(agents.value, target.agentId);
      if (!agentId.ok) return err({ ...agentId.error, field: `${list}.${index}.agentId` });
      targets.push(agentId.value === undefined ? target : { ...target, agentId: agentId.value });
    }
    resolved[list] = targets;
  }
  return ok({ ...input, ...resolved });
}

function find(agents: readonly Agent[], text: string): Result<string, Failure> {
  if (agents.some((agent) => agent.id === text)) return ok(text);
  const wanted = text.toLowerCase();
  const [first, second] = agents.filter((agent) => agent.name.toLowerCase() === wanted);
  const shown = text.replace(/[^\x20-\x7e\xa0-\uffff]/g, '?').slice(0, 60);
  if (second !== undefined) return err(failure('agent_ambiguous', { agent: shown }));
  return first === undefined ? err(failure('agent_unknown', { agent: shown })) : ok(first.id);
}
