import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REAP_INTERVAL } from '../../../edge/control/exposure-reaper.ts';
import { logLineSchema, type ServiceView, watchEventSchema } from '../../../shared/contract/control-api.ts';
import { EXPOSURE_LIFETIME } from '../../../shared/domain/service.ts';
import { must } from '../../compliance/data.ts';
import { newRecord } from '../record/records.ts';
import { Bench, type Lines } from './bench.ts';

let bench: Bench;
let as: string;
let agentId: string;
beforeEach(async () => {
  bench = await Bench.start({ streams: 3 });
  ({ credential: as, id: agentId } = await bench.join());
});
afterEach(() => bench.stop());

const create = async (subdomain: string, more: object = {}): Promise<ServiceView> => {
  const body = { subdomain, targets: [{ port: 3000 }], ...more };
  // The reply is a view; `control-api.test.ts` checks its form.
  return (await bench.call('POST', '/services', { as, body })).json as unknown as ServiceView;
};
/** The statuses of the next services event that fits. */
const statuses = async (lines: Lines, fits: (list: string[]) => boolean): Promise<string[]> => {
  for (;;) {
    const event = watchEventSchema.parse(await lines.until((l) => l.type === 'services'));
    const list = event.type === 'services' ? event.services.map((s) => `${s.domain.split('.')[0]}:${s.status}`) : [];
    if (fits(list)) return list;
  }
};
const route = async (): Promise<void> => bench.facts.setRouted(must(await bench.store.revision()));

describe('watching', () => {
  it('begins with the cluster and the services, then tells every change', async () => {
    await create('first');
    const lines = await bench.lines('/watch', as);
    expect(watchEventSchema.parse(await lines.next())).toEqual({ type: 'cluster', cluster: bench.cluster });
    expect(await statuses(lines, () => true)).toEqual(['first:pending']);
    const second = await create('second');
    expect(await statuses(lines, (l) => l.length === 2)).toEqual(['second:pending', 'first:pending']);
    await bench.call('DELETE', `/services/${second.id}`, { as });
    expect(await statuses(lines, (l) => l.length === 1)).toEqual(['first:pending']);
    lines.close();
  });

  it('follows a service through its states, and gathers changes for less than 200 ms before it tells', async () => {
    const lines = await bench.lines('/watch', as);
    const { targets, id } = await create('app');
    await statuses(lines, (l) => l[0] === 'app:pending');
    bench.clock.delays.length = 0;
    await route();
    await statuses(lines, (l) => l[0] === 'app:tunnel_not_created');
    bench.facts.setAgentUp(agentId, true);
    await statuses(lines, (l) => l[0] === 'app:active');
    bench.facts.dialled(agentId, targets[0]?.id ?? '', 'origin_refused');
    await statuses(lines, (l) => l[0] === 'app:error');
    bench.facts.dialled(agentId, targets[0]?.id ?? '', undefined);
    await statuses(lines, (l) => l[0] === 'app:active');
    const problems = [{ targetId: targets[0]?.id, problem: 'origin_not_allowed' }];
    expect((await bench.call('PUT', '/targets', { as, body: { problems } })).status).toBe(204);
    await statuses(lines, (l) => l[0] === 'app:error');
    await bench.call('PUT', '/targets', { as, body: { problems: [] } });
    await statuses(lines, (l) => l[0] === 'app:active');
    bench.facts.setAgentUp(agentId, false);
    await statuses(lines, (l) => l[0] === 'app:tunnel_not_created');
    // What else waits, for a ping or for a reader who takes nothing, waits for seconds.
    const gathered = bench.clock.delays.filter((delay) => delay < 5_000);
    expect(gathered.reduce((sum, delay) => sum + delay, 0)).toBeLessThan(8 * 200);
    expect(gathered.length).toBeGreaterThan(0);
    await bench.call('PATCH', `/services/${id}`, { as, body: { enabled: false } });
    await statuses(lines, (l) => l[0] === 'app:disabled');
    lines.close();
  });

  it('tells an agent nothing of others, not even their targets', async () => {
    const lines = await bench.lines('/watch', as);
    const other = await bench.join('other');
    const body = { subdomain: 'theirs', targets: [{ port: 1 }] };
    const theirs = await bench.call('POST', '/services', { as: other.credential, body });
    const [target] = (theirs.json as unknown as ServiceView).targets;
    const problems = [{ targetId: target?.id, problem: 'origin_refused' }];
    expect((await bench.call('PUT', '/targets', { as, body: { problems } })).status).toBe(204);
    expect(bench.facts.hasProblems(agentId)).toBe(false);
    await create('mine');
    expect(await statuses(lines, (l) => l.length > 0)).toEqual(['mine:pending']);
    lines.close();
  });

  it('tells when the cluster has changed', async () => {
    const lines = await bench.lines('/watch', as);
    await lines.next();
    bench.cluster = { ...bench.cluster, version: '9.9.9' };
    bench.api.clusterChanged();
    const line = await lines.until((l) => l.type === 'cluster');
    expect(line).toEqual({ type: 'cluster', cluster: bench.cluster });
    lines.close();
  });

  it('ends when the agent leaves', async () => {
    const lines = await bench.lines('/watch', as);
    await lines.next();
    await bench.call('DELETE', '/agents/self', { as });
    await lines.ended;
  });

  it('is given to an agent a few times at once, and again when one has ended', async () => {
    const open = await Promise.all([1, 2, 3].map(() => bench.lines('/watch', as)));
    const refused = await bench.call('GET', '/watch', { as });
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    open[0]?.close();
    // Refused for as long as the edge has not heard of the end.
    let again = await bench.lines('/watch', as);
    while (again.status === 503) again = await bench.lines('/watch', as);
    expect((await again.next()).type).toBe('cluster');
    for (const lines of [...open, again]) lines.close();
  });

  it('forgets problems of targets that are gone', async () => {
    const { id, targets } = await create('app');
    bench.facts.setAgentUp(agentId, true);
    bench.facts.dialled(agentId, targets[0]?.id ?? '', 'origin_refused');
    expect(bench.facts.hasProblems(agentId)).toBe(true);
    await bench.call('DELETE', `/services/${id}`, { as });
    while (bench.facts.hasProblems(agentId)) await bench.call('GET', '/services', { as });
  });

  it('sees exposures end that nobody renewed', async () => {
    const lines = await bench.lines('/watch', as);
    await create('brief', { source: 'ephemeral' });
    await statuses(lines, (l) => l.length === 1);
    for (let passed = 0; passed <= EXPOSURE_LIFETIME + REAP_INTERVAL; passed += REAP_INTERVAL) {
      bench.clock.fallDue(REAP_INTERVAL);
      // The store answers in turn: so the look is through with its reading.
      await bench.store.exposures();
    }
    await statuses(lines, (l) => l.length === 0);
    lines.close();
  });
});

describe('the log', () => {
  it("counts an agent's lines over time, and refuses times that are none", async () => {
    const reply = await bench.call('GET', '/logs/stats?service=x&since=5&until=9', { as });
    expect(reply.json).toEqual({ bucket: 1000, until: 0, points: [] });
    expect(bench.accessLog.queries.at(-1)).toMatchObject([{ agentId }, { service: 'x', since: 5, until: 9 }]);
    for (const query of ['', 'since=now', 'since=9&until=5', 'since=1&bucket=1'])
      expect((await bench.call('GET', `/logs/stats?${query}`, { as })).status).toBe(400);
  });

  it('is asked for with what the agent may see', async () => {
    const { id } = await create('shop');
    const reply = await bench.call('GET', '/logs?service=x&service=y&status=4xx&limit=5', { as });
    expect(reply.json).toEqual({ records: [] });
    expect(bench.accessLog.queries).toEqual([
      [
        { agentId, serviceIds: [id] },
        { service: ['x', 'y'], status: '4xx', limit: 5 },
      ],
    ]);
  });

  it.each(['limit=0', 'limit=x', 'status=9xx', 'colour=red', `text=${'x'.repeat(201)}`])(
    'refuses %s',
    async (query) => {
      const reply = await bench.call('GET', `/logs?${query}`, { as });
      expect(reply.status).toBe(400);
      expect(reply.text).toContain('input_invalid');
    },
  );

  it('is followed for services of the agent only, new ones included', async () => {
    const lines = await bench.lines('/logs/tail', as);
    const { id } = await create('shop');
    const mine = newRecord({ serviceId: id, agentId });
    const { agentId: _, ...refused } = newRecord({ serviceId: id, status: 503 });
    // The tail learns of the new service through the change feed; until then its records are not its own.
    const first = lines.next();
    let seen = false;
    void first.then(() => {
      seen = true;
    });
    while (!seen) {
      bench.accessLog.feed(refused);
      await bench.call('GET', '/services', { as });
    }
    expect(logLineSchema.parse(await first)).toEqual({ type: 'records', records: [refused], dropped: 0 });
    bench.accessLog.feed(newRecord({ serviceId: 'other', agentId: 'other' }), mine);
    const line = await lines.until((l) => JSON.stringify(l).includes(mine.id));
    expect(line.records).toEqual([mine]);
    lines.close();
    while (bench.accessLog.tails.size > 0) await bench.call('GET', '/services', { as });
  });

  it('is followed for the chosen services', async () => {
    const a = await create('a');
    const b = await create('b');
    const lines = await bench.lines(`/logs/tail?service=${a.id}`, as);
    const wanted = newRecord({ serviceId: a.id, agentId });
    bench.accessLog.feed(newRecord({ serviceId: b.id, agentId }), wanted);
    expect((await lines.next()).records).toEqual([wanted]);
    lines.close();
  });
});
