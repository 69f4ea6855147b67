import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  API_PREFIX,
  type LogBatch,
  logQuerySchema,
  logStatsQuerySchema,
  type ServiceView,
} from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { LogScope, TailBatch } from '../record/access-log.ts';
import type { ControlContext } from './context.ts';
import { parseInput } from './input.ts';
import { LineStream } from './line-stream.ts';
import { refuse } from './refusal.ts';

/** A tail takes the same choice of services as a query, and nothing else. */
const tailQuerySchema = z.strictObject({ service: logQuerySchema.shape.service });

/** `/watch`, `/logs`, `/logs/stats` and `/logs/tail`. */
export function addStreamRoutes(app: FastifyInstance, context: ControlContext): { clusterChanged: () => void } {
  const { gate, streams } = context;
  addLogRoutes(app, context);
  const watchers = new Set<LineStream>();
  const clusterLine = (): string => JSON.stringify({ type: 'cluster', cluster: context.cluster() });

  app.get(`${API_PREFIX}/watch`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    if (!streams.take(agent.value.id)) return refuse(reply, failure('busy'));
    openWatch(context, agent.value.id, reply, watchers, clusterLine());
    return reply;
  });

  app.get(`${API_PREFIX}/logs/tail`, async (request, reply) => {
    const agent = await gate.agent(request);
    if (!agent.ok) return refuse(reply, agent.error);
    const query = parseInput(tailQuerySchema, { ...Object(request.query) });
    if (!query.ok) return refuse(reply, query.error);
    if (!streams.take(agent.value.id)) return refuse(reply, failure('busy'));
    const { service } = query.value;
    openTail(context, agent.value.id, reply, service === undefined ? undefined : new Set([service].flat()));
    return reply;
  });

  return {
    clusterChanged() {
      const line = clusterLine();
      for (const watcher of watchers) watcher.send(line);
    },
  };
}

/** What is asked of the log that was written: `/logs` and `/logs/stats`. */
function addLogRoutes(app: FastifyInstance, context: ControlContext): void {
  const add = <T>(
    path: string,
    schema: z.ZodType<T>,
    answer: (scope: LogScope, query: T) => Promise<Result<object, Failure>>,
  ): void => {
    app.get(`${API_PREFIX}${path}`, async (request, reply) => {
      const agent = await context.gate.agent(request);
      if (!agent.ok) return refuse(reply, agent.error);
      const query = parseInput(schema, { ...Object(request.query) });
      if (!query.ok) return refuse(reply, query.error);
      const stored = await context.store.servicesOf(agent.value.id);
      if (!stored.ok) return refuse(reply, stored.error);
      const scope = { agentId: agent.value.id, serviceIds: stored.value.services.map((s) => s.service.id) };
      const answered = await answer(scope, query.value);
      return answered.ok
        ? reply.header('cache-control', 'no-store').send(answered.value)
        : refuse(reply, answered.error);
    });
  };
  add('/logs', logQuerySchema, (scope, query) => context.accessLog.query(scope, query));
  add('/logs/stats', logStatsQuerySchema, (scope, query) => context.accessLog.stats(scope, query));
}

function openWatch(
  context: ControlContext,
  agentId: string,
  reply: FastifyReply,
  watchers: Set<LineStream>,
  first: string,
): void {
  let unsubscribe = (): void => {};
  reply.hijack();
  const stream = new LineStream(reply.raw, context.clock, () => {
    unsubscribe();
    watchers.delete(stream);
    context.streams.give(agentId);
  });
  watchers.add(stream);
  stream.send(first);
  unsubscribe = context.feeds.subscribe(agentId, {
    onServices: (_, line) => stream.latest(line),
    onEnd: () => stream.end(),
  });
}

/** New records of the agent's services as they are at each moment, or of `chosen` among them. */
function openTail(
  context: ControlContext,
  agentId: string,
  reply: FastifyReply,
  chosen: Set<string> | undefined,
): void {
  let own = new Set<string>();
  let dropped = 0;
  const stops: (() => void)[] = [];
  reply.hijack();
  const stream = new LineStream(reply.raw, context.clock, () => {
    for (const stop of stops) stop();
    context.streams.give(agentId);
  });
  const onBatch = (batch: TailBatch): void => {
    if (!stream.writable) {
      dropped += batch.dropped + batch.records.length;
      return;
    }
    const line: LogBatch = { type: 'records', records: [...batch.records], dropped: dropped + batch.dropped };
    dropped = 0;
    stream.send(JSON.stringify(line));
  };
  stops.push(
    context.feeds.subscribe(agentId, {
      onServices: (services: readonly ServiceView[]) => {
        own = new Set(services.map((s) => s.id));
      },
      onEnd: () => stream.end(),
    }),
    context.accessLog.tail(({ serviceId, agentId: by }) => {
      if (serviceId === undefined || (chosen !== undefined && !chosen.has(serviceId))) return false;
      return by === agentId || own.has(serviceId);
    }, onBatch),
  );
}
