import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Secrets } from '../../edge/guard.ts';
import { hashToken } from '../../edge/store/credential.ts';
import type { Agent, Store } from '../../edge/store/store.ts';
import type { ShareLink } from '../../shared/domain/auth.ts';
import { ok } from '../../shared/domain/result.ts';
import type { Service } from '../../shared/domain/service.ts';
import { HOUR, joinAgent, LIMITS, must, NOW, newService } from './data.ts';

const b64 = (length: number): string => randomBytes(length).toString('base64');
const phc = (): string => `$argon2id$v=19$m=19456,t=2,p=1$${b64(16).replace(/=+$/, '')}$${b64(32).replace(/=+$/, '')}`;
const secrets = (more: Partial<Secrets> = {}): Secrets => ({
  epoch: 1,
  headers: {},
  publicKey: b64(44),
  privateKey: b64(76),
  ...more,
});
let count = 0;
const share = (serviceId: string, more: Partial<ShareLink> = {}): ShareLink => ({
  id: `share${String(++count).padStart(4, '0')}`,
  serviceId,
  createdAt: NOW,
  expiresAt: NOW + HOUR,
  uses: 0,
  ...more,
});

/** What a store promises about who may come in. Its clock stands at `NOW`. */
export function accessCompliance(
  name: string,
  open: () => Promise<{ store: Store; dispose: () => Promise<void> }>,
): void {
  describe(`store compliance, who may come in: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let store: Store;
    let owner: Agent;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      owner = await joinAgent(store);
    });
    afterEach(() => opened.dispose());

    const protect = async (auth: NonNullable<Service['auth']>, with_: Partial<Secrets>): Promise<Service> => {
      const service = { ...newService(owner.id, `app${++count}`), auth };
      must(await store.createService(service, LIMITS, secrets(with_)));
      return service;
    };

    it('yields a guard with every protected service, and none with a public one', async () => {
      const pin = phc();
      const service = await protect({ pin: true }, { pin });
      const open = newService(owner.id, `app${++count}`);
      must(await store.createService(open, LIMITS));
      const changes = must(await store.changesSince(0));
      const guard = changes.services.find(({ id }) => id === service.id)?.guard;
      expect(guard).toMatchObject({ methods: { pin: true }, secrets: { pin, epoch: 1 }, publisher: owner.name });
      expect(changes.services.find(({ id }) => id === open.id)).not.toHaveProperty('guard');
      expect(must(await store.service(service.id))?.guard).toEqual(guard);
    });

    it('closes a service whose secrets are missing or belong to other methods', async () => {
      const bare = { ...newService(owner.id, `app${++count}`), auth: { pin: true } } as const;
      must(await store.createService(bare, LIMITS));
      const wrong = await protect({ pin: true }, { password: phc() });
      for (const { id } of [bare, wrong])
        expect(must(await store.service(id))?.guard).toMatchObject({ methods: { pin: true }, secrets: undefined });
    });

    it('changes methods and secrets together, and tells the feed', async () => {
      const service = await protect({ pin: true }, { pin: phc() });
      const before = must(await store.revision());
      const next = secrets({ epoch: 2, password: phc() });
      const changed = await store.updateService(
        service.id,
        owner.id,
        (s) => ok({ ...s, auth: { password: true } }),
        () => next,
      );
      expect(must(changed).guard).toMatchObject({ methods: { password: true }, secrets: next });
      expect(must(await store.changesSince(before)).services).toMatchObject([
        { id: service.id, guard: { secrets: next } },
      ]);
    });

    it('writes nothing where neither service nor secrets change', async () => {
      const service = await protect({ pin: true }, { pin: phc() });
      const before = must(await store.revision());
      must(await store.updateService(service.id, owner.id, ok, (held) => held));
      expect(must(await store.revision())).toBe(before);
    });

    it('keeps a damaged service closed when something else about it changes', async () => {
      const service = await protect({ pin: true }, { password: phc() });
      must(await store.updateService(service.id, owner.id, (s) => ok({ ...s, name: 'Other' })));
      must(await store.updateService(service.id, owner.id, ok, (held) => held && { ...held, epoch: 9 }));
      expect(must(await store.service(service.id))?.guard).toMatchObject({ secrets: undefined });
    });

    describe('share links', () => {
      it('are listed to the owner of their service, newest first, and to nobody else', async () => {
        const service = await protect({ link: true }, {});
        const other = await joinAgent(store);
        const [one, two] = [share(service.id), share(service.id, { label: 'demo', maxUses: 2 })];
        must(await store.createShare(owner.id, one, hashToken('one')));
        must(await store.createShare(owner.id, two, hashToken('two')));
        expect(must(await store.shares(owner.id))).toEqual([two, one]);
        expect(must(await store.shares(other.id))).toEqual([]);
        expect(await store.createShare(other.id, share(service.id), hashToken('x'))).toMatchObject({
          error: { code: 'service_not_found' },
        });
        expect(await store.revokeShare(one.id, other.id, NOW)).toMatchObject({ error: { code: 'share_not_found' } });
        expect(must(await store.service(service.id))).toMatchObject({
          shares: 2,
          guard: { shares: new Set([one.id, two.id]) },
        });
      });

      it('are found by token and service together', async () => {
        const service = await protect({ link: true }, {});
        const made = must(await store.createShare(owner.id, share(service.id), hashToken('t')));
        expect(must(await store.findShare(service.id, hashToken('t')))).toEqual(made);
        expect(must(await store.findShare('another', hashToken('t')))).toBeUndefined();
        expect(must(await store.findShare(service.id, hashToken('u')))).toBeUndefined();
      });

      it('open as often as they allow, however many try at once', async () => {
        const service = await protect({ link: true }, {});
        const made = must(await store.createShare(owner.id, share(service.id, { maxUses: 3 }), hashToken('t')));
        const before = must(await store.revision());
        const tries = await Promise.all(Array.from({ length: 20 }, () => store.openShare(made, NOW + 1)));
        expect(tries.filter(({ ok: opened }) => opened)).toHaveLength(3);
        expect(must(await store.findShare(service.id, hashToken('t')))).toMatchObject({ uses: 3, lastUsedAt: NOW + 1 });
        expect(must(await store.revision())).toBeGreaterThan(before);
        // Spent, it opens nothing more, and the sessions that it opened go on.
        expect(must(await store.service(service.id))?.guard?.shares).toEqual(new Set([made.id]));
        expect(must(await store.service(service.id))).not.toHaveProperty('shares');
      });

      it('open no more once they are over or taken back', async () => {
        const service = await protect({ link: true }, {});
        const made = must(await store.createShare(owner.id, share(service.id), hashToken('t')));
        expect(await store.openShare(made, made.expiresAt)).toMatchObject({ error: { code: 'share_over' } });
        expect((await store.openShare(made, made.expiresAt - 1)).ok).toBe(true);
        const revoked = must(await store.revokeShare(made.id, owner.id, NOW + 5));
        expect(must(await store.revokeShare(made.id, owner.id, NOW + 9))).toEqual(revoked);
        expect(await store.openShare(made, NOW + 6)).toMatchObject({ error: { code: 'share_over' } });
        expect(must(await store.service(service.id))?.guard?.shares).toEqual(new Set());
      });

      it('are 200 a service at most, those that are over not counted', async () => {
        const service = await protect({ link: true }, {});
        for (let i = 0; i < 200; i++) must(await store.createShare(owner.id, share(service.id), hashToken(`t${i}`)));
        const more = share(service.id);
        expect(await store.createShare(owner.id, more, hashToken('more'))).toMatchObject({
          error: { code: 'share_limit' },
        });
        const [first] = must(await store.shares(owner.id));
        must(await store.revokeShare(first?.id ?? '', owner.id, NOW));
        must(await store.createShare(owner.id, more, hashToken('more')));
      });

      it('go with their service', async () => {
        const service = await protect({ link: true }, {});
        must(await store.createShare(owner.id, share(service.id), hashToken('t')));
        must(await store.removeService(service.id, owner.id));
        expect(must(await store.shares(owner.id))).toEqual([]);
        expect(must(await store.findShare(service.id, hashToken('t')))).toBeUndefined();
      });
    });

    it('counts failed tries together, whoever counts at once', async () => {
      const key = { serviceId: 's', subject: 'from 192.0.2.1' };
      const none = { failures: 0, since: 5, level: 0, lockedUntil: 0 };
      await Promise.all(
        Array.from({ length: 20 }, () =>
          store.changeGuesses([key], ([row = none]) => [{ ...row, failures: row.failures + 1 }]),
        ),
      );
      let seen: unknown;
      must(
        await store.changeGuesses([key, { ...key, subject: 'other' }], (rows) => {
          seen = rows;
          return [undefined, { ...none, succeededAt: 7 }];
        }),
      );
      expect(seen).toEqual([{ ...none, failures: 20 }, undefined]);
      expect(must(await store.pruneGuesses(NOW, NOW))).toBe(false);
      must(
        await store.changeGuesses([key], (rows) => {
          seen = rows;
          return rows;
        }),
      );
      expect(seen).toEqual([{ ...none, failures: 20 }]);
      expect(must(await store.pruneGuesses(NOW + 1, NOW))).toBe(false);
      must(
        await store.changeGuesses([key], (rows) => {
          seen = rows;
          return rows;
        }),
      );
      expect(seen).toEqual([undefined]);
    });
  });
}
