import { describe, expect, it } from 'vitest';
import { clusterKey } from '../../../edge/auth/cluster-key.ts';
import { newKeyPair, SessionKeys } from '../../../edge/auth/session-keys.ts';
import { Sessions } from '../../../edge/auth/sessions.ts';
import type { OpenGuard } from '../../../edge/guard.ts';
import type { Route } from '../../../edge/visit.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HOUR = 3_600_000;
const key = clusterKey(Buffer.alloc(32, 7));
const route: Route = {
  serviceId: 's1',
  name: 'App',
  domain: 'app.edge.test',
  enabled: true,
  passHostHeader: false,
  targets: [],
};
const guardOf = (epoch = 1, shares: string[] = []): OpenGuard => ({
  methods: { pin: true },
  secrets: { epoch, headers: {}, ...newKeyPair(key) },
  shares: new Set(shares),
  publisher: '',
});
const sessionsOf = (clock: ManualClock): Sessions => new Sessions('https://edge.test', new SessionKeys(key), clock);
const cookie = (line: string | undefined): string => `Cookie: ${/^Set-Cookie: ([^;]+)/.exec(line ?? '')?.[1]}\r\n`;

describe('a session', () => {
  it('says who came in, on every node with the key', () => {
    const clock = new ManualClock();
    const guard = guardOf();
    const line = sessionsOf(clock).open(
      { method: 'sso', subject: 'sub', email: 'a@x', groups: ['g'] },
      route,
      guard,
      true,
    );
    expect(sessionsOf(clock).identify(cookie(line), route, guard)).toEqual({
      method: 'sso',
      user: 'a@x',
      groups: ['g'],
      epoch: 1,
    });
  });

  it('ends after a day, known or not', () => {
    const clock = new ManualClock();
    const sessions = sessionsOf(clock);
    const guard = guardOf();
    const fields = cookie(sessions.open({ method: 'pin', subject: 'x' }, route, guard, true));
    clock.advance(24 * HOUR - 1000);
    expect(sessions.identify(fields, route, guard)).toBeDefined();
    clock.advance(1000);
    expect(sessions.identify(fields, route, guard)).toBeUndefined();
  });

  it('ends with its epoch, another domain, another service, known or not', () => {
    const clock = new ManualClock();
    const sessions = sessionsOf(clock);
    const guard = guardOf();
    const fields = cookie(sessions.open({ method: 'pin', subject: 'x' }, route, guard, true));
    expect(sessions.identify(fields, route, guard)).toBeDefined();
    const later = { ...guard, secrets: { ...guard.secrets, epoch: 2 } };
    for (const other of [sessions, sessionsOf(clock)]) {
      expect(other.identify(fields, route, later)).toBeUndefined();
      expect(other.identify(fields, route, guardOf(1))).toBeUndefined();
      expect(other.identify(fields, { ...route, domain: 'b.edge.test' }, guard)).toBeUndefined();
      expect(other.identify(fields, { ...route, serviceId: 's2' }, guard)).toBeUndefined();
    }
    expect(sessions.identify(fields, route, guard)).toBeDefined();
  });

  it('of a share link ends with the link, revoked or over', () => {
    const clock = new ManualClock();
    const sessions = sessionsOf(clock);
    const guard = guardOf(1, ['l1']);
    const line = sessions.open({ method: 'share', subject: 'l1', until: clock.now() + HOUR }, route, guard, true);
    expect(line).toContain('Max-Age=3600;');
    expect(sessions.identify(cookie(line), route, guard)).toMatchObject({ method: 'share', shareId: 'l1' });
    expect(sessions.identify(cookie(line), route, { ...guard, shares: new Set() })).toBeUndefined();
    clock.advance(HOUR);
    expect(sessions.identify(cookie(line), route, guard)).toBeUndefined();
  });

  it('is not secure where nothing is', () => {
    const line = sessionsOf(new ManualClock()).open({ method: 'pin', subject: 'x' }, route, guardOf(), false);
    expect(line).toMatch(/; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax\r\n$/);
  });

  it('can’t be opened by a node with another key', () => {
    const other = new Sessions(
      'https://edge.test',
      new SessionKeys(clusterKey(Buffer.alloc(32, 8))),
      new ManualClock(),
    );
    expect(other.open({ method: 'pin', subject: 'x' }, route, guardOf(), true)).toBeUndefined();
  });
});
