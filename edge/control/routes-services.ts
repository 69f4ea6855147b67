import type { FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import { API_PREFIX, newServiceSchema, servicePatchSchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, type Result } from '../../shared/domain/result.ts';
import { EXPOSURE_LIFETIME } from '../../shared/domain/service.ts';
import type { StoredService } from '../store/store.ts';
import { type AuthContext, changeSecrets, prepareAuth } from './auth-change.ts';
import type { ControlContext } from './context.ts';
import { parseInput } from './input.ts';
import { choosePorts } from './port-choice.ts';
import { refuse } from './refusal.ts';
import { changeService, isRandomName, makeService } from './rules.ts';
import { resolveAgents } from './target-agents.ts';

/** Random names and ports that are tried before a taken one is reported. */
const DRAWS = 16;

/** What an agent does with its own services. Another agent's look to it as if they didn't exist. */
export function addServiceRoutes(app: FastifyInstance, context: ControlContext): void {
  const { store, gate, views } = context;
  const answer = (reply: FastifyReply, stored: Result<StoredService, Failure>): FastifyReply =>
    stored.ok ? reply.send(views.view(stored.value)) : refuse(reply, stored.error);

  app.get(`${API_PREFIX}/services`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const listed = await views.of(agent.value.id);
    return listed.ok ? reply.send(listed.value.services) : refuse(reply, listed.error);
  });

  app.post(`${API_PREFIX}/services`, async (request, reply) => {
    const agent = await gate.agent(request);
    return agent.ok ? answer(reply, await create(context, agent.value.id, request.body)) : refuse(reply, agent.error);
  });

  app.patch<{ Params: { id: string } }>(`${API_PREFIX}/services/:id`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const input = parseInput(servicePatchSchema, request.body);
    if (!input.ok) return refuse(reply, input.error);
    const resolved = await resolveAgents(store, input.value);
    if (!resolved.ok) return refuse(reply, resolved.error);
    const patch = resolved.value;
    return answer(reply, await update(context, agent.value.id, request.params.id, patch));
  });

  app.delete<{ Params: { id: string } }>(`${API_PREFIX}/services/:id`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const removed = await store.removeService(request.params.id, agent.value.id);
    return removed.ok ? reply.code(204).send() : refuse(reply, removed.error);
  });

  app.post<{ Params: { id: string } }>(`${API_PREFIX}/services/:id/renew`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const expiresAt = context.clock.now() + EXPOSURE_LIFETIME;
    return answer(reply, await store.renewService(request.params.id, agent.value.id, expiresAt));
  });
}

type ServicePatch = z.output<typeof servicePatchSchema>;

/** Secrets are hashed before the store is asked to do anything: that takes long, and nobody else should wait for it. */
async function update(
  context: ControlContext,
  agentId: string,
  id: string,
  patch: ServicePatch,
): Promise<Result<StoredService, Failure>> {
  const { store, rules } = context;
  const auth = authContext(context);
  if (auth === undefined || patch.auth === undefined)
    return store.updateService(id, agentId, (service) => changeService(rules, service, patch));
  const stored = await store.service(id);
  if (!stored.ok) return stored;
  if (stored.value?.service.ownerId !== agentId) return err(failure('service_not_found', { service: id }));
  const prepared = await prepareAuth(auth, stored.value.service.mode, patch.auth);
  if (!prepared.ok) return prepared;
  return store.updateService(
    id,
    agentId,
    (service) => changeService(rules, service, patch, prepared.value),
    (before, was, now) => changeSecrets(auth.keeper, before, was.auth, now.auth, prepared.value),
  );
}

/** What a change of methods needs; `undefined` on an edge that can't ask visitors for anything. */
const authContext = ({ keeper, providers = () => [], clock, random }: ControlContext): AuthContext | undefined =>
  keeper && { keeper, providers, now: () => clock.now(), random };

async function create(
  context: ControlContext,
  agentId: string,
  body: unknown,
): Promise<Result<StoredService, Failure>> {
  const parsed = parseInput(newServiceSchema, body);
  if (!parsed.ok) return parsed;
  const input = await resolveAgents(context.store, parsed.value);
  if (!input.ok) return input;
  const auth = authContext(context);
  const { mode = 'http', auth: patch } = input.value;
  const prepared = auth === undefined || patch === undefined ? undefined : await prepareAuth(auth, mode, patch);
  if (prepared?.ok === false) return prepared;
  const choice = choosePorts(context, input.value);
  for (let draw = 1; ; draw++) {
    const port = await choice.next();
    if (!port.ok) return port;
    const service = makeService(context.rules, agentId, input.value, port.value, prepared?.value);
    if (!service.ok) return service;
    const secrets =
      prepared && auth && changeSecrets(auth.keeper, undefined, undefined, service.value.auth, prepared.value);
    const stored = await context.store.createService(service.value, context.limits, secrets);
    if (stored.ok) return stored;
    const { code } = stored.error;
    if (code === 'service_limit') context.bounds?.hit('servicesPerAgent', { agentId });
    if (code === 'exposure_limit') context.bounds?.hit('exposuresPerAgent', { agentId });
    const again = (code === 'domain_taken' && isRandomName(input.value)) || (code === 'port_taken' && choice.moveOn());
    if (!again || draw === DRAWS) return stored;
  }
}
