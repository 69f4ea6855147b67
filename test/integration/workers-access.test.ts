/** Who may come in where two processes serve the same ports: what one is told holds for both. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { CrowdsecStandIn } from '../support/crowdsec.ts';
import { temporaryFolder } from '../support/folder.ts';
import { PUBLIC, probe } from './edge-stand.ts';
import { cookieOf, type Going, LoginStand } from './login-stand.ts';

// Each worker is a process that runs from its sources, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PIN = '042917';
const BANNED = '127.0.7.66';
const VISITOR = '127.0.7.1';
/** Connections land on either of two workers: that all of so many miss one happens once in half a million times. */
const MANY = 20;
const life = new AsyncDisposableStack();
let crowdsec: CrowdsecStandIn;
let stand: LoginStand;

beforeAll(async () => {
  const folder = life.use(temporaryFolder());
  crowdsec = await CrowdsecStandIn.start();
  crowdsec.add({ id: 1, value: BANNED, type: 'ban' });
  const keyFile = join(folder.path, 'key');
  writeFileSync(keyFile, crowdsec.key, { mode: 0o600 });
  const flags = ['--workers', '2', '--crowdsec-url', crowdsec.url, '--crowdsec-key-file', keyFile];
  stand = life.use(new LoginStand([...PUBLIC, ...flags]));
  await stand.start();
});
afterAll(() => life.disposeAsync());

/** As `vi.waitFor`, for as long as a busy machine may take: what is waited for ends the wait. */
const eventually = (holds: () => void | Promise<void>): Promise<void> => vi.waitFor(holds, { timeout: 60_000 });

/** What many visitors, each with a connection of its own, are answered; each answer once. */
async function everywhere(service: ServiceView, how: Going = {}): Promise<readonly number[]> {
  const all = await Promise.all(Array.from({ length: MANY }, () => stand.visit(service, how)));
  return [...new Set(all.map(({ status }) => status))].sort();
}

function workers(): number[] {
  const { pid } = stand.edge.child;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

it('a session counts at both, and ends at both', async () => {
  const service = await stand.publish('sessions', { pin: PIN });
  expect(await everywhere(service)).toEqual([401]);
  const cookie = await stand.session(service, { pin: PIN });
  expect(await everywhere(service, { headers: { cookie } })).toEqual([200]);
  await stand.change(service, { auth: { pin: '111111' } });
  expect(await everywhere(service, { headers: { cookie } })).toEqual([401]);
  const second = await stand.session(service, { pin: '111111' });
  expect(await everywhere(service, { headers: { cookie: second } })).toEqual([200]);
  expect((await stand.api('POST', `/services/${service.id}/sign-out`)).status).toBeLessThan(300);
  await eventually(async () => expect(await everywhere(service, { headers: { cookie: second } })).toEqual([401]));
});

it('a link opens at either, no oftener than it may, and is taken back at both', async () => {
  const service = await stand.publish('links', { pin: PIN });
  const once = await stand.share(service, { uses: 1 });
  const click = { path: once.path, method: 'POST', headers: { 'content-length': 0 } };
  const clicks = await Promise.all(Array.from({ length: MANY }, () => stand.visit(service, click)));
  expect(clicks.map(({ status }) => status).sort()).toEqual([303, ...Array.from({ length: MANY - 1 }, () => 410)]);
  const opened = clicks.find(({ status }) => status === 303);
  const cookie = opened === undefined ? '' : cookieOf(opened);
  expect(await everywhere(service, { headers: { cookie } })).toEqual([200]);
  expect((await stand.api('DELETE', `/shares/${once.share.id}`)).status).toBeLessThan(300);
  await eventually(async () => expect(await everywhere(service, { headers: { cookie } })).toEqual([401]));
});

it('guesses are counted together', async () => {
  const service = await stand.publish('guesses', { pin: PIN });
  const tries = await Promise.all(
    Array.from({ length: MANY }, (_, i) => stand.login(service, { pin: `1000${10 + i}` }, { from: '127.0.3.1' })),
  );
  expect(tries.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(5);
  expect((await stand.login(service, { pin: PIN }, { from: '127.0.3.1' })).status).toBe(429);
});

it('restrictions hold at both, and are counted together', async () => {
  let service = await stand.publish('near');
  service = await stand.change(service, { restrictions: { blockCidrs: ['127.0.7.0/24'] } });
  const denied = async (): Promise<number> => {
    const { body } = await probe(stand.edge, '/metrics');
    return Number(/^porthole_denied_total\{code="ip_restricted"\} (\d+)$/m.exec(body)?.[1]);
  };
  const before = await denied();
  expect(await everywhere(service, { from: VISITOR })).toEqual([403]);
  expect(await everywhere(service)).toEqual([200]);
  await eventually(async () => expect((await denied()) - before).toBe(MANY));
});

it('what CrowdSec says reaches both, also one that starts while CrowdSec is away', async () => {
  let service = await stand.publish('reputed');
  service = await stand.change(service, { restrictions: { crowdsec: 'enforce' } });
  // Until CrowdSec has been heard, `enforce` lets nobody in.
  await eventually(async () => expect(await everywhere(service, { from: VISITOR })).toEqual([200]));
  expect(await everywhere(service, { from: BANNED })).toEqual([403]);
  await crowdsec.stop();
  const [victim = 0] = workers();
  process.kill(victim, 'SIGKILL');
  await eventually(() => expect(workers()).not.toContain(victim));
  await eventually(async () =>
    expect((await probe(stand.edge, '/metrics')).body).toMatch(/^porthole_workers_serving 2$/m),
  );
  expect(workers()).toHaveLength(2);
  expect(await everywhere(service, { from: BANNED })).toEqual([403]);
  // The laptop's one connection may have ended with that worker.
  await stand.link();
  await eventually(async () => expect(await everywhere(service, { from: VISITOR })).toEqual([200]));
});
