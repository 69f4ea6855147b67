import type { FastifyInstance } from 'fastify';
import {
  API_PREFIX,
  type EdgeAbout,
  type JoinReply,
  joinRequestSchema,
  targetReportsSchema,
} from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { createId } from '../../shared/domain/id.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { createToken, tokenFault } from '../../shared/domain/token.ts';
import { hashToken } from '../store/credential.ts';
import type { ControlContext } from './context.ts';
import { parseInput } from './input.ts';
import { refuse } from './refusal.ts';

/** Bytes of a report: ten thousand problems fit. */
const REPORT_LIMIT = 1024 * 1024;

/** Joining, leaving, what an agent says about its targets, and what the cluster is. */
export function addAgentRoutes(app: FastifyInstance, context: ControlContext): void {
  const { store, facts, gate } = context;

  app.post(`${API_PREFIX}/join`, async (request, reply) => {
    const joined = await gate.attempt(request, () => join(context, request.body));
    return joined.ok ? reply.header('cache-control', 'no-store').send(joined.value) : refuse(reply, joined.error);
  });

  // Asked by people who hold a join token and haven't decided yet: it is not sent before they have.
  app.get(`${API_PREFIX}/about`, async (_request, reply) => {
    const { domain, version, operator } = context.cluster();
    const about: EdgeAbout = { domain, version, ...(operator === undefined ? {} : { operator }) };
    return reply.header('cache-control', 'no-store').send(about);
  });

  app.get(`${API_PREFIX}/cluster`, async (request, reply) => {
    const agent = await gate.agent(request);
    return agent.ok ? reply.send(context.cluster()) : refuse(reply, agent.error);
  });

  app.delete(`${API_PREFIX}/agents/self`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const removed = await store.removeAgent(agent.value.id);
    if (!removed.ok) return refuse(reply, removed.error);
    context.log.info('An agent left.', { agent: agent.value.id, services: removed.value.length });
    context.feeds.endAgent(agent.value.id);
    context.onAgentLeft?.(agent.value.id);
    return reply.code(204).send();
  });

  app.put(`${API_PREFIX}/targets`, { bodyLimit: REPORT_LIMIT }, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const reports = parseInput(targetReportsSchema, request.body);
    if (!reports.ok) return refuse(reply, reports.error);
    const stored = await store.servicesOf(agent.value.id);
    if (!stored.ok) return refuse(reply, stored.error);
    // Targets that were removed meanwhile are no error; other agents' are not this one's to speak of.
    const own = new Set([
      ...stored.value.services.flatMap((s) => s.service.targets.map((t) => t.id)),
      ...context.feeds.guestTargets(agent.value.id),
    ]);
    const problems = reports.value.problems.filter((p) => own.has(p.targetId));
    facts.report(agent.value.id, new Map(problems.map((p) => [p.targetId, p.problem])));
    return reply.code(204).send();
  });
}

/** Spends the token; the credential is made here and only its hash is kept. */
async function join(context: ControlContext, body: unknown): Promise<Result<JoinReply, Failure>> {
  const input = parseInput(joinRequestSchema, body);
  if (!input.ok) return input;
  const token = input.value.token.trim();
  const fault = tokenFault('join', token);
  if (fault !== undefined) return err(failure('token_invalid', { reason: fault }, 'token'));
  const { random, clock } = context;
  const credential = createToken('agent', random);
  const createdAt = clock.now();
  const joined = await context.store.join(hashToken(token), {
    id: createId(createdAt, random),
    name: input.value.name,
    credentialHash: hashToken(credential),
    createdAt,
  });
  if (!joined.ok) return joined;
  context.log.info('An agent joined.', { agent: joined.value.id, name: joined.value.name });
  return ok({ agentId: joined.value.id, credential, cluster: context.cluster() });
}
