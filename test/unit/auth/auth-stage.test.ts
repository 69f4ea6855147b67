import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Hasher } from '../../../edge/auth/argon2.ts';
import { type Auth, createAuth } from '../../../edge/auth/auth.ts';
import { clusterKey } from '../../../edge/auth/cluster-key.ts';
import { newKeyPair } from '../../../edge/auth/session-keys.ts';
import type { Guard, OpenGuard } from '../../../edge/guard.ts';
import { createStore } from '../../../edge/store/create-store.ts';
import type { Store } from '../../../edge/store/store.ts';
import type { Identity, Route, Verdict, Visit } from '../../../edge/visit.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';

const key = clusterKey(Buffer.alloc(32, 3));
const hasher = new Hasher();
let store: Store;
let auth: Auth;
let now: Route | undefined;
let guard: OpenGuard;
let route: Route;

beforeEach(async () => {
  store = must(createStore({ dataDir: ':memory:', serve: true }));
  auth = createAuth({
    store,
    routeOf: () => now,
    domain: 'edge.test',
    key,
    clock: systemClock,
    log: silentLogger,
    hasher,
  });
  const [pin, token] = [await hasher.hash('042917'), await hasher.hash('tok')];
  guard = {
    methods: { pin: true, headers: [{ id: 'h1', kind: 'bearer', name: 'authorization' }] },
    secrets: { epoch: 1, pin, headers: { h1: token }, ...newKeyPair(key) },
    shares: new Set(['l1']),
    publisher: '',
  };
  route = {
    serviceId: 's',
    name: 'App',
    domain: 'app.edge.test',
    enabled: true,
    passHostHeader: false,
    targets: [],
    guard,
  };
  now = route;
});
afterEach(async () => {
  auth.close();
  await store.close();
});

const visitOf = (more: Partial<Visit> = {}): Visit => ({
  id: 'v',
  connection: { secure: true, localPort: 443, peerAddress: '192.0.2.1', serverName: 'app.edge.test' },
  method: 'GET',
  host: 'app.edge.test',
  authority: 'app.edge.test',
  path: '/',
  query: '',
  fields: '',
  accept: '',
  route,
  target: undefined,
  identity: undefined,
  forwarded: undefined,
  note: undefined,
  ...more,
});

/** What the stage says in the end. */
async function decided(visit: Visit, body = ''): Promise<Verdict> {
  const verdict = auth.stage(visit);
  if (typeof verdict !== 'object' || verdict.kind !== 'pending') return verdict;
  return verdict.decide(Buffer.from(body), new AbortController().signal);
}
const login = (): Visit =>
  visitOf({
    method: 'POST',
    path: '/.porthole/login',
    fields: 'Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n',
  });

describe('the stage that asks', () => {
  it('passes a public service by, but for the paths that are the edge’s', () => {
    const open: Route = { ...route, guard: undefined };
    expect(auth.stage(visitOf({ route: open, fields: 'Cookie: porthole_session=x\r\n' }))).toBeUndefined();
    expect(auth.stage(visitOf({ route: open, path: '/.porthole/x' }))).toBe('no_target');
    expect(auth.stage(visitOf({ route: undefined }))).toBe('no_service');
  });

  it('lets nobody in where the secrets are damaged', () => {
    expect(auth.stage(visitOf({ route: { ...route, guard: { ...guard, secrets: undefined } } }))).toBe('internal');
  });

  it('opens a session with the right PIN', async () => {
    expect(await decided(login(), 'pin=042917')).toMatchObject({ kind: 'answer', status: 303 });
    expect(await decided(login(), 'pin=042918')).toMatchObject({ kind: 'denial', code: 'login_failed' });
  });

  it.each<[string, () => Route | undefined]>([
    ['is gone', () => undefined],
    ['has another epoch', () => ({ ...route, guard: { ...guard, secrets: { ...guard.secrets, epoch: 2 } } })],
    ['has moved', () => ({ ...route, domain: 'b.edge.test' })],
    ['is damaged', () => ({ ...route, guard: { ...guard, secrets: undefined } })],
  ])('opens none when the service meanwhile %s', async (_, change) => {
    const visit = login();
    const verdict = decided(visit, 'pin=042917');
    now = change();
    expect(await verdict).toBe('login_required');
    expect(visit.identity).toBeUndefined();
  });

  it('lets a header in, unless its rule is gone meanwhile', async () => {
    const visit = visitOf({ fields: 'Authorization: Bearer tok\r\n' });
    expect(await decided(visit)).toBeUndefined();
    expect(visit).toMatchObject({
      identity: { method: 'header' },
      forwarded: { fields: 'X-Porthole-Auth: header\r\n' },
    });
    const late = visitOf({
      fields: 'Authorization: Bearer tok\r\n',
      connection: { ...visit.connection, peerAddress: '192.0.2.2' },
    });
    const verdict = decided(late);
    now = { ...route, guard: { ...guard, methods: { pin: true } } };
    expect(await verdict).toBe('login_required');
  });
});

describe('who came in', () => {
  const pin: Identity = { method: 'pin', epoch: 1 };
  const link: Identity = { method: 'share', epoch: 1, shareId: 'l1' };
  const header: Identity = { method: 'header', epoch: 1, ruleId: 'h1' };
  const changed = (more: Partial<Guard>): Guard => ({ ...guard, ...more });

  it.each<[string, Identity | undefined, () => Guard | undefined, boolean]>([
    ['stays where nothing has changed', pin, () => guard, true],
    ['stays where everybody may come in now', pin, () => undefined, true],
    ['was nobody, and goes where somebody is asked now', undefined, () => guard, false],
    ['goes with the epoch', pin, () => changed({ secrets: { ...guard.secrets, epoch: 2 } }), false],
    ['goes with damage', pin, () => changed({ secrets: undefined }), false],
    ['by a link stays with it', link, () => guard, true],
    ['by a link goes with it', link, () => changed({ shares: new Set() }), false],
    [
      'by a header stays with its rule, whatever the epoch',
      header,
      () => changed({ secrets: { ...guard.secrets, epoch: 2 } }),
      true,
    ],
    ['by a header goes with its rule', header, () => changed({ methods: { pin: true } }), false],
  ])('%s', (_, identity, then, stays) => {
    expect(auth.holds(identity, then())).toBe(stays);
  });
});
