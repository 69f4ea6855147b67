import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashToken } from '../../edge/store/credential.ts';
import type { Store } from '../../edge/store/store.ts';
import { failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { HOUR, joinAgent, LIMITS, must, NOW, newAgent, newService } from './data.ts';

const codeOf = (result: Result<unknown, { readonly code: string }>): string =>
  result.ok ? 'no failure' : result.error.code;

/** What a store promises, whatever it keeps its data in. `reopen` closes it and opens the same data again. */
export function storeCompliance(
  name: string,
  open: () => Promise<{ store: Store; reopen?: () => Promise<Store>; dispose: () => Promise<void> }>,
): void {
  describe(`store compliance: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let store: Store;
    /** The same data after a restart, where the medium has one. */
    const restarted = async (): Promise<Store> => {
      if (opened.reopen !== undefined) store = await opened.reopen();
      return store;
    };
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    describe('join tokens', () => {
      it('spends a token once and creates the agent with it', async () => {
        const agent = await joinAgent(store);
        const again = await store.join(hashToken(`token of ${agent.id}`), newAgent('second'));
        expect(codeOf(again)).toBe('token_used');
        await restarted();
        expect(must(await store.agents())).toEqual([agent]);
        expect(must(await store.agentByCredential(agent.credentialHash))).toEqual(agent);
      });

      it('lets exactly one of many simultaneous joins win', async () => {
        const hash = hashToken('contested');
        must(await store.createJoinToken({ hash, createdAt: NOW, expiresAt: NOW + HOUR }));
        const tries = await Promise.all(Array.from({ length: 8 }, (_, i) => store.join(hash, newAgent(`n${i}`))));
        expect(tries.filter((t) => t.ok)).toHaveLength(1);
        expect(new Set(tries.filter((t) => !t.ok).map(codeOf))).toEqual(new Set(['token_used']));
        expect(must(await store.agents())).toHaveLength(1);
      });

      it('tells an unknown token from an expired one, to the millisecond', async () => {
        const hash = hashToken('brief');
        must(await store.createJoinToken({ hash, createdAt: NOW, expiresAt: NOW + 1000, label: 'for Ada' }));
        expect(codeOf(await store.join(hashToken('other'), newAgent()))).toBe('token_unknown');
        expect(codeOf(await store.join(hash, { ...newAgent(), createdAt: NOW + 1000 }))).toBe('token_expired');
        expect((await store.join(hash, { ...newAgent(), createdAt: NOW + 999 })).ok).toBe(true);
      });
    });

    describe('agents', () => {
      it('notes when an agent was last seen without a change of the feed', async () => {
        const agent = await joinAgent(store);
        const before = must(await store.revision());
        must(await store.touchAgent(agent.id, NOW + 5));
        expect(must(await store.agent(agent.id))?.lastSeenAt).toBe(NOW + 5);
        expect(must(await store.revision())).toBe(before);
      });

      it('removes an agent with its services and says so in the feed', async () => {
        const agent = await joinAgent(store);
        const other = await joinAgent(store, newAgent('other'));
        const mine = newService(agent.id, 'mine');
        const theirs = newService(other.id, 'theirs');
        must(await store.createService(mine, LIMITS));
        must(await store.createService(theirs, LIMITS));
        const before = must(await store.revision());
        expect(must(await store.removeAgent(agent.id))).toEqual([mine.id]);
        await restarted();
        expect(must(await store.agentByCredential(agent.credentialHash))).toBeUndefined();
        expect(must(await store.service(mine.id))).toBeUndefined();
        expect(must(await store.service(theirs.id))?.service).toEqual(theirs);
        const changes = must(await store.changesSince(before));
        expect(changes.services).toEqual([{ id: mine.id, ownerId: agent.id, service: undefined }]);
        expect(changes.removedAgents).toEqual([agent.id]);
        expect(codeOf(await store.removeAgent(agent.id))).toBe('credential_unknown');
      });
    });

    describe('services', () => {
      it('gives back what was stored, newest first', async () => {
        const agent = await joinAgent(store);
        const first = newService(agent.id, 'first', { id: '01a' });
        const second = newService(agent.id, 'second', { id: '01b', source: 'ephemeral', expiresAt: NOW + 90_000 });
        must(await store.createService(first, LIMITS));
        must(await store.createService(second, LIMITS));
        await restarted();
        const { services, revision } = must(await store.servicesOf(agent.id));
        expect(services.map((s) => s.service)).toEqual([second, first]);
        expect(services[0]?.revision).toBe(revision);
      });

      it('refuses a domain that another service has, naming that service, and changes nothing', async () => {
        const agent = await joinAgent(store);
        must(await store.createService(newService(agent.id, 'shop', { name: 'The shop' }), LIMITS));
        const before = must(await store.revision());
        const clash = await store.createService(newService(agent.id, 'shop'), LIMITS);
        expect(clash).toEqual(
          err(failure('domain_taken', { domain: 'shop.localhost', owner: 'The shop' }, 'subdomain')),
        );
        expect(must(await store.revision())).toBe(before);
        expect(must(await store.servicesOf(agent.id)).services).toHaveLength(1);
      });

      it('lets exactly one of many simultaneous claims of a domain win', async () => {
        const agent = await joinAgent(store);
        const tries = await Promise.all(
          Array.from({ length: 8 }, () => store.createService(newService(agent.id, 'hot'), LIMITS)),
        );
        expect(tries.filter((t) => t.ok)).toHaveLength(1);
        expect(tries.filter((t) => codeOf(t) === 'domain_taken')).toHaveLength(7);
      });

      it('keeps to the limits, exposures apart', async () => {
        const agent = await joinAgent(store);
        const limits = { services: 3, exposures: 1 };
        const exposure = { source: 'ephemeral', expiresAt: NOW + 1 } as const;
        must(await store.createService(newService(agent.id, 'a', exposure), limits));
        expect(codeOf(await store.createService(newService(agent.id, 'b', exposure), limits))).toBe('exposure_limit');
        must(await store.createService(newService(agent.id, 'c'), limits));
        must(await store.createService(newService(agent.id, 'd'), limits));
        expect(codeOf(await store.createService(newService(agent.id, 'e'), limits))).toBe('service_limit');
      });

      it('refuses a service of an agent that has left', async () => {
        expect(codeOf(await store.createService(newService('nobody', 'x'), LIMITS))).toBe('credential_unknown');
      });

      it('updates what the change makes and moves the domain', async () => {
        const agent = await joinAgent(store);
        const service = newService(agent.id, 'old');
        const { revision } = must(await store.createService(service, LIMITS));
        const moved = must(
          await store.updateService(service.id, agent.id, (s) => ok({ ...s, domain: 'new.localhost', enabled: false })),
        );
        expect(moved.revision).toBeGreaterThan(revision);
        await restarted();
        const stored = must(await store.service(service.id));
        expect(stored).toEqual({
          service: { ...service, domain: 'new.localhost', enabled: false },
          revision: moved.revision,
        });
        must(await store.createService(newService(agent.id, 'old'), LIMITS));
        const back = await store.updateService(service.id, agent.id, (s) => ok({ ...s, domain: 'old.localhost' }));
        expect(codeOf(back)).toBe('domain_taken');
      });

      it('writes nothing when the change refuses or changes nothing', async () => {
        const agent = await joinAgent(store);
        const service = newService(agent.id, 'still');
        const { revision } = must(await store.createService(service, LIMITS));
        expect(must(await store.updateService(service.id, agent.id, ok)).revision).toBe(revision);
        const refused = await store.updateService(service.id, agent.id, () =>
          err(failure('forbidden', { reason: 'x' })),
        );
        expect(codeOf(refused)).toBe('forbidden');
        expect(must(await store.revision())).toBe(revision);
      });

      it("does not see another agent's service when it writes", async () => {
        const agent = await joinAgent(store);
        const other = await joinAgent(store, newAgent('other'));
        const service = newService(agent.id, 'mine', { source: 'ephemeral', expiresAt: NOW + 90_000 });
        must(await store.createService(service, LIMITS));
        expect(codeOf(await store.updateService(service.id, other.id, ok))).toBe('service_not_found');
        expect(codeOf(await store.removeService(service.id, other.id))).toBe('service_not_found');
        expect(codeOf(await store.renewService(service.id, other.id, NOW + 1))).toBe('service_not_found');
        expect(must(await store.service(service.id))?.service).toEqual(service);
      });

      it('renews exposures, lists them, and removes those that were not renewed since', async () => {
        const agent = await joinAgent(store);
        const [kept, lost] = ['kept', 'lost'].map((name) =>
          newService(agent.id, name, { source: 'ephemeral', expiresAt: NOW + 90_000 }),
        );
        const permanent = newService(agent.id, 'lasting');
        if (kept === undefined || lost === undefined) throw new Error('no services');
        for (const service of [kept, lost, permanent]) must(await store.createService(service, LIMITS));
        const seen = must(await store.exposures());
        expect([...seen].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
          [kept.id, lost.id].sort().map((id) => ({ id, expiresAt: NOW + 90_000 })),
        );
        // Only the edge's reaper says when an exposure is over: a clock that was set forward doesn't.
        const renewed = must(await store.renewService(kept.id, agent.id, NOW + 500_000));
        expect(renewed.service.expiresAt).toBe(NOW + 500_000);
        expect(codeOf(await store.renewService(permanent.id, agent.id, NOW + 1))).toBe('input_invalid');
        const before = must(await store.revision());
        expect(must(await store.removeExposures(seen))).toEqual([lost.id]);
        expect(must(await store.removeExposures(seen))).toEqual([]);
        expect(must(await store.changesSince(before)).services.map((s) => s.id)).toEqual([lost.id]);
        expect(codeOf(await store.renewService(lost.id, agent.id, NOW + 1))).toBe('service_not_found');
        expect(must(await store.exposures())).toEqual([{ id: kept.id, expiresAt: NOW + 500_000 }]);
      });
    });

    describe('the change feed', () => {
      it('yields everything from the beginning and only the difference afterwards', async () => {
        const agent = await joinAgent(store);
        const a = newService(agent.id, 'a');
        const b = newService(agent.id, 'b');
        must(await store.createService(a, LIMITS));
        const first = must(await store.changesSince(0));
        expect(first.reset).toBe(true);
        expect(first.services).toEqual([{ id: a.id, ownerId: agent.id, service: a }]);
        must(await store.createService(b, LIMITS));
        must(await store.removeService(a.id, agent.id));
        const next = must(await store.changesSince(first.revision));
        expect(next.reset).toBe(false);
        expect(next.services).toEqual([
          { id: b.id, ownerId: agent.id, service: b },
          { id: a.id, ownerId: agent.id, service: undefined },
        ]);
        expect(next.revision).toBeGreaterThan(first.revision);
        expect(must(await store.changesSince(next.revision)).services).toEqual([]);
      });

      it('starts over for a reader from the future, such as one of other data', async () => {
        await joinAgent(store);
        expect(must(await store.changesSince(10_000)).reset).toBe(true);
      });

      it('wakes its watchers after a change and no longer once they have left', async () => {
        const agent = await joinAgent(store);
        let left = 0;
        const leave = store.watch(() => left++);
        leave();
        const woken = new Promise<void>((resolve) => store.watch(resolve));
        must(await store.createService(newService(agent.id, 'x'), LIMITS));
        await woken;
        expect(left).toBe(0);
      });

      it('never gives a revision out twice, not even over a restart', async () => {
        const agent = await joinAgent(store);
        const service = newService(agent.id, 'x');
        const { revision } = must(await store.createService(service, LIMITS));
        must(await store.removeService(service.id, agent.id));
        await restarted();
        expect(must(await store.createService(newService(agent.id, 'y'), LIMITS)).revision).toBe(revision + 2);
      });
    });

    it('answers with a failure once it is closed, and closes once', async () => {
      const under = joinAgent(store);
      await under;
      await Promise.all([store.close(), store.close()]);
      expect(codeOf(await store.agents())).toBe('draining');
    });
  });
}
