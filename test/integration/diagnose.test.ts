/** Looking at edges before joining, and diagnosing the line, against real edges and broken ones on loopback. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAllowList } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { glanceAt } from '../../main/agent/edge-about.ts';
import { createWayFinder, directly } from '../../main/agent/proxy-choice.ts';
import { diagnose, type Probes, STEP_LIMIT } from '../../main/app/diagnose.ts';
import { createProbes, type DiagnoseFacts } from '../../main/app/diagnose-probes.ts';
import { JoinDesk } from '../../main/app/join-link-desk.ts';
import type { Diagnosis } from '../../shared/contract/diagnosis.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { Laptop } from '../support/laptop.ts';

const edge = new EdgeProcess('edge.test', ['--operator', 'ACME IT']);
let laptop: Laptop;
const servers: Server[] = [];

beforeAll(async () => {
  await edge.start();
  laptop = await Laptop.join(edge);
});

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

afterAll(async () => {
  await laptop[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

/** A port that something listens on; with `closed`, one that nothing does any more. */
async function aPort(closed = false): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (closed) {
    server.close();
    await once(server, 'close');
  } else servers.push(server);
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const here = (port = edge.ready.httpsPort, host = '127.0.0.1') => ({
  address: { host, port, domain: 'edge.test' },
  trust: { caPem: readFileSync(edge.ready.caFile, 'utf8') },
});

const run = (more: Partial<DiagnoseFacts>, change: Partial<Probes> = {}): Promise<Diagnosis> =>
  diagnose(
    {
      ...createProbes({
        place: here(),
        agent: laptop.agent,
        link: laptop.agent.snapshot().link,
        services: [],
        agentIds: new Set([laptop.agentId]),
        allowed: laptop.allowed,
        findWay: directly,
        now: () => Date.now(),
        ...more,
      }),
      ...change,
    },
    systemClock,
    () => {},
    new AbortController().signal,
  );

const findings = (diagnosis: Diagnosis) => Object.fromEntries(diagnosis.steps.map((s) => [s.id, s.finding]));

it('finds a good line good', async () => {
  const diagnosis = await run({});
  expect(findings(diagnosis)).toEqual({
    proxy: 'proxy_none',
    name: 'name_is_address',
    port: 'port_ok',
    certificate: 'certificate_private',
    clock: 'clock_ok',
    credential: 'credential_ok',
    tunnel: 'tunnel_up',
  });
  expect(diagnosis.broken).toBeUndefined();
});

it('finds a port that refuses', async () => {
  const diagnosis = await run({ place: here(await aPort(true)) });
  expect(findings(diagnosis)).toMatchObject({
    port: 'port_refused',
    proxy: 'proxy_none',
    certificate: 'after_broken',
  });
  expect(diagnosis.broken).toBe('port');
});

it('finds a name that nobody knows', async () => {
  const began = performance.now();
  const diagnosis = await run({ place: here(443, 'no-such-edge.invalid') });
  // Machines without a name server can't tell unknown from unanswered.
  expect(['name_unknown', 'name_unanswered']).toContain(findings(diagnosis).name);
  expect(diagnosis.broken).toBe('name');
  expect(performance.now() - began).toBeLessThan(2 * STEP_LIMIT);
});

it('finds a certificate of somebody else', async () => {
  await using other = new EdgeProcess('edge.test');
  await other.start();
  const diagnosis = await run({ place: here(other.ready.httpsPort) });
  expect(findings(diagnosis)).toMatchObject({ port: 'port_ok', certificate: 'certificate_untrusted' });
  expect(diagnosis.broken).toBe('certificate');
});

it('finds something that is no edge', async () => {
  const diagnosis = await run({ place: here(await aPort()) });
  expect(findings(diagnosis)).toMatchObject({ port: 'port_ok', certificate: 'certificate_failed' });
});

it('finds a clock that is wrong', async () => {
  const diagnosis = await run({ now: () => Date.now() + 3_600_000 });
  const step = diagnosis.steps.find((s) => s.id === 'clock');
  expect(step).toMatchObject({ state: 'fail', finding: 'clock_wrong' });
  expect(Math.abs(Number(step?.values?.seconds) - 3600)).toBeLessThan(10);
});

it('finds a credential that was revoked', async () => {
  await using gone = await Laptop.join(edge, 'gone');
  expect(await gone.agent.control.leave()).toMatchObject({ ok: true });
  const diagnosis = await run({ agent: gone.agent });
  expect(findings(diagnosis)).toMatchObject({ certificate: 'certificate_private', credential: 'credential_unknown' });
  expect(diagnosis.broken).toBe('credential');
});

it("looks at this laptop's servers, and at those only that are allowed", async () => {
  const [good, dead, forbidden] = [await aPort(), await aPort(true), await aPort()];
  const target = (id: string, port: number) => ({
    id,
    agentId: laptop.agentId,
    type: 'agent' as const,
    host: 'localhost',
    port,
    protocol: 'http' as const,
    path: '/',
    enabled: true,
    skipTlsVerify: false,
    connectTimeout: 10_000,
  });
  const allowed = createAllowList();
  for (const port of [good, dead]) allowed.allow({ service: 's1', type: 'agent', host: 'localhost', port });
  const targets = [target('good', good), target('dead', dead), target('forbidden', forbidden)];
  const diagnosis = await run({ allowed, services: [{ id: 's1', name: 'shop', enabled: true, targets }] });
  expect(findings(diagnosis)).toMatchObject({
    'origin:good': 'origin_ok',
    'origin:dead': 'origin_refused',
    'origin:forbidden': 'origin_forbidden',
  });
  expect(diagnosis.broken).toBe('origin:dead');
});

describe('behind a proxy', () => {
  const far = () => here(443, 'edge.test');

  it('aims at the proxy, and finds a good line good', async () => {
    await using proxy = await new ConnectProxy({ leads: { 'edge.test:443': edge.ready.httpsPort } }).start();
    const findWay = createWayFinder({ HTTPS_PROXY: `http://localhost:${proxy.port}` });
    const diagnosis = await run({ place: far(), findWay });
    expect(diagnosis.steps.slice(0, 4)).toMatchObject([
      { id: 'proxy', finding: 'proxy_variable', values: { variable: 'HTTPS_PROXY', proxy: `localhost:${proxy.port}` } },
      { id: 'name', finding: 'name_ok', values: { host: 'localhost' } },
      { id: 'port', finding: 'port_by_proxy', values: { at: 'edge.test:443' } },
      { id: 'certificate', finding: 'certificate_private' },
    ]);
    expect(diagnosis.broken).toBeUndefined();
  });

  it('finds what the proxy has against it', async () => {
    await using proxy = await new ConnectProxy({ leads: {}, credentials: 'ada:pw' }).start();
    const by = async (text: string) => {
      const diagnosis = await run({ place: far(), findWay: createWayFinder({ HTTPS_PROXY: text }) });
      expect(JSON.stringify(diagnosis)).not.toMatch(/ada|secret/);
      return { broken: diagnosis.broken, ...findings(diagnosis) };
    };
    const at = `127.0.0.1:${proxy.port}`;
    expect(await by(at)).toMatchObject({ broken: 'port', port: 'proxy_credentials', certificate: 'after_broken' });
    expect(await by(`ada:secret@${at}`)).toMatchObject({ broken: 'port', port: 'proxy_credentials' });
    expect(await by(`ada:pw@${at}`)).toMatchObject({ broken: 'port', port: 'proxy_refused' });
    await proxy.stop();
    expect(await by(at)).toMatchObject({ broken: 'port', port: 'proxy_unreached' });
    expect(await by(`socks5://ada:secret@${at}`)).toMatchObject({ broken: 'proxy', name: 'after_broken' });
    expect(await by('http://no-such-proxy.invalid')).toMatchObject({ broken: 'name', port: 'after_broken' });
  });

  it('tries what the system names in turn, as the agent does', async () => {
    await using proxy = await new ConnectProxy({ leads: { 'edge.test:443': edge.ready.httpsPort } }).start();
    const system = `PROXY 127.0.0.1:${await aPort(true)}; PROXY no-such-proxy.invalid:1; PROXY 127.0.0.1:${proxy.port}`;
    const diagnosis = await run({ place: far(), findWay: createWayFinder({}, async () => system) });
    expect(findings(diagnosis)).toMatchObject({ proxy: 'proxy_system', port: 'port_by_proxy' });
    expect(diagnosis.broken).toBeUndefined();
  });
});

it('says that the edge is not running where there is none', async () => {
  const diagnosis = await run({ place: undefined, agent: undefined, link: { state: 'connecting', since: 0 } });
  expect(findings(diagnosis)).toMatchObject({ proxy: 'proxy_none', name: 'edge_not_running', port: 'after_broken' });
});

it('tells strangers what the edge is and who runs it, and members too', async () => {
  const { fingerprint, httpsPort: port } = edge.ready;
  const seen = await glanceAt({ host: '127.0.0.1', port }, { fingerprint }, AbortSignal.timeout(10_000));
  expect(seen).toMatchObject({
    ok: true,
    value: {
      certificate: { kind: 'private', fingerprint },
      about: { domain: 'edge.test', operator: 'ACME IT', version: expect.any(String) },
      date: expect.any(Number),
    },
  });
  expect(await laptop.agent.control.cluster()).toMatchObject({ value: { operator: 'ACME IT' } });
});

it('joins by a link: looked at first, with the token sent only at the yes', async () => {
  const { fingerprint, httpsPort: port } = edge.ready;
  const address = { host: '127.0.0.1', port };
  const joins: string[] = [];
  const desk = new JoinDesk({
    async join({ token }) {
      joins.push(token);
      const client = createControlClient({ address, trust: { fingerprint } });
      const reply = await client.join(token, 'by link');
      client.close();
      if (!reply.ok) return reply;
      return { ok: true, value: { domain: reply.value.cluster.domain, agentId: reply.value.agentId } };
    },
    joinedTo: () => undefined,
    onChange: () => {},
    now: () => Date.now(),
    random: randomBytes,
  });
  const token = await edge.token();
  const link = (pin: string): string => `porthole://join/127.0.0.1:${port}?token=${token}&fingerprint=${pin}`;
  expect(await desk.look(link('ab'.repeat(32)))).toMatchObject({
    value: { state: 'failed', failure: { code: 'edge_untrusted' } },
  });
  expect(await desk.look(link(fingerprint))).toMatchObject({ value: { state: 'ready', operator: 'ACME IT' } });
  expect(joins).toEqual([]);
  expect(await desk.confirm(desk.preview?.id ?? '', undefined)).toMatchObject({ value: { domain: 'edge.test' } });
});
