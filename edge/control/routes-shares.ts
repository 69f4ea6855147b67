import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { API_PREFIX, type MadeShare, newShareSchema } from '../../shared/contract/control-api.ts';
import { isProtected, SHARE_LIFETIME, type ShareLink } from '../../shared/domain/auth.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { createId } from '../../shared/domain/id.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { createToken } from '../../shared/domain/token.ts';
import { SHARE_PATH } from '../reserved-path.ts';
import { hashToken } from '../store/credential.ts';
import { newEpoch } from './auth-change.ts';
import type { ControlContext } from './context.ts';
import { parseInput } from './input.ts';
import { refuse } from './refusal.ts';

const listQuerySchema = z.strictObject({ service: z.string().max(64).optional() });

/** Share links and the end of everybody's sessions: who may come in beside the methods themselves. */
export function addShareRoutes(app: FastifyInstance, context: ControlContext): void {
  const { store, gate, views, clock } = context;
  const answer = <T>(reply: FastifyReply, outcome: Result<T, Failure>): FastifyReply =>
    outcome.ok ? reply.header('cache-control', 'no-store').send(outcome.value) : refuse(reply, outcome.error);

  app.post<{ Params: { id: string } }>(`${API_PREFIX}/services/:id/sign-out`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const { keeper } = context;
    const signedOut = await store.updateService(request.params.id, agent.value.id, ok, (before) =>
      before === undefined || keeper === undefined ? before : newEpoch(keeper, before, withoutKeys(before)),
    );
    return signedOut.ok ? reply.send(views.view(signedOut.value)) : refuse(reply, signedOut.error);
  });

  app.post<{ Params: { id: string } }>(`${API_PREFIX}/services/:id/shares`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    return answer(reply, await createShare(context, agent.value.id, request.params.id, request.body));
  });

  app.get(`${API_PREFIX}/shares`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const query = parseInput(listQuerySchema, { ...Object(request.query) });
    if (!query.ok) return refuse(reply, query.error);
    const { service } = query.value;
    const shares = await store.shares(agent.value.id);
    if (!shares.ok) return refuse(reply, shares.error);
    return answer(reply, ok(shares.value.filter((s) => service === undefined || s.serviceId === service)));
  });

  app.delete<{ Params: { id: string } }>(`${API_PREFIX}/shares/:id`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    return answer(reply, await store.revokeShare(request.params.id, agent.value.id, clock.now()));
  });
}

const withoutKeys = <T extends { epoch: number; publicKey: string; privateKey: string }>({
  epoch: _epoch,
  publicKey: _public,
  privateKey: _private,
  ...rest
}: T): Omit<T, 'epoch' | 'publicKey' | 'privateKey'> => rest;

async function createShare(
  context: ControlContext,
  agentId: string,
  serviceId: string,
  body: unknown,
): Promise<Result<MadeShare, Failure>> {
  const { store, clock, random, views } = context;
  const input = parseInput(newShareSchema, body ?? {});
  if (!input.ok) return input;
  const { expires = SHARE_LIFETIME.usual, uses, label } = input.value;
  if (expires > SHARE_LIFETIME.longest)
    return err(failure('input_invalid', { reason: because('share_long', { days: 366 }) }, 'expires'));
  const stored = await store.service(serviceId);
  if (!stored.ok) return stored;
  if (stored.value?.service.ownerId !== agentId) return err(failure('service_not_found', { service: serviceId }));
  const { service } = stored.value;
  if (!isProtected(service.auth)) return err(failure('share_public', { service: service.name }));
  const createdAt = clock.now();
  const token = createToken('share', random);
  const share: ShareLink = {
    id: createId(createdAt, random),
    serviceId,
    ...(label === undefined ? {} : { label }),
    createdAt,
    expiresAt: Math.floor(createdAt + expires),
    ...(uses === undefined ? {} : { maxUses: uses }),
    uses: 0,
  };
  const made = await store.createShare(agentId, share, hashToken(token));
  if (!made.ok) return made;
  const { urls } = views.view(stored.value);
  const base = 'direct' in urls ? urls.direct : urls.https;
  return ok({ share: made.value, url: `${base}${SHARE_PATH}${token}` });
}
