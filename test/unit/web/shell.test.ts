import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startWebShell, type WebShell } from '../../../main/web/shell.ts';
import { SOCKET_LIMITS, type SocketApp } from '../../../main/web/sockets.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import { CLOSE } from '../../../shared/contract/frames.ts';
import type { EventName, Events } from '../../../shared/contract/ipc.ts';

const STATE: AgentState = {
  schema: 1,
  revision: 1,
  phase: 'ready',
  host: { kind: 'web', version: '0', platform: 'linux', home: '/h' },
  edge: { kind: 'embedded', domain: 'localhost', link: { state: 'up', since: 0 } },
  services: [],
  servicesKnown: true,
  portsKnown: true,
  ports: [],
  trust: 'untrusted',
  vault: 'memory',
};

/** An application that answers every call with what it was asked. */
class EchoApp implements SocketApp {
  readonly listeners = new Map<EventName, Set<(value: never) => void>>();
  current = STATE;
  /** Calls that wait while this is pending. */
  gate: Promise<unknown> = Promise.resolve();

  async dispatch(channel: string, input: unknown) {
    await this.gate;
    return { ok: true as const, value: { channel, input } };
  }

  state() {
    return this.current;
  }

  on<E extends EventName>(event: E, listener: (value: Events[E]) => void) {
    const listeners = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  emit<E extends EventName>(event: E, value: Events[E]) {
    for (const listener of this.listeners.get(event) ?? []) (listener as (value: Events[E]) => void)(value);
  }
}

let folder: string;
let app: EchoApp;
let shell: WebShell;
const LIMITS = { ...SOCKET_LIMITS, clients: 2, calls: 2, frame: 1000, goodbye: 50 };

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'porthole-web-'));
  await writeFile(path.join(folder, 'index.html'), '<!doctype html><title>Screens</title>');
  await writeFile(path.join(folder, 'app.js'), 'void 0');
  await writeFile(path.join(folder, 'secret.pem'), 'not a screen');
  app = new EchoApp();
  shell = await startWebShell({ app, screens: folder, limits: LIMITS });
});
afterEach(async () => {
  await shell.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** One request, its `Host` as given: `fetch` would not let us lie. */
async function ask(target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const host = `127.0.0.1:${shell.port}`;
  const to = { port: shell.port, host: '127.0.0.1', agent: false };
  const sent = request({ ...to, path: target, method, headers: { host, ...headers } });
  sent.end();
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

async function signIn() {
  const link = new URL(shell.newLink().plain);
  const { status, headers } = await ask(link.pathname + link.search);
  expect(status).toBe(303);
  const cookie = String(headers['set-cookie']).split(';')[0] ?? '';
  return { cookie, key: String(headers.location).replace('/#key=', '') };
}

const dial = (headers: Record<string, string>, origin = `http://127.0.0.1:${shell.port}`, at = '/rpc') =>
  new WebSocket(`ws://127.0.0.1:${shell.port}${at}`, { headers, ...(origin === '' ? {} : { origin }) });

/** A socket past its hello, whose messages queue up for `next`. */
async function connect(subscribe: readonly EventName[] = []) {
  const { cookie, key } = await signIn();
  const socket = dial({ cookie });
  const arrived: unknown[] = [];
  let wake: () => void = () => undefined;
  socket.on('message', (data) => {
    arrived.push(JSON.parse(String(data)));
    wake();
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ key, subscribe }));
  const next = async (): Promise<unknown> => {
    while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return arrived.shift();
  };
  return { socket, next, send: (frame: unknown) => socket.send(JSON.stringify(frame)) };
}

const closeCode = async (socket: WebSocket): Promise<number> => (await once(socket, 'close'))[0];
async function refusal(socket: WebSocket): Promise<number> {
  const [, response] = await once(socket, 'unexpected-response');
  response.destroy();
  return response.statusCode;
}

describe('pages', () => {
  it('serve the screens to a browser that followed the link, under a strict policy', async () => {
    const { cookie } = await signIn();
    const { status, headers, body } = await ask('/', { cookie });
    expect([status, body]).toEqual([200, '<!doctype html><title>Screens</title>']);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
    expect((await ask('/app.js', { cookie })).headers['content-type']).toContain('text/javascript');
  });

  it('set a cookie that scripts cannot read', async () => {
    const link = new URL(shell.newLink().browser);
    const { headers } = await ask(link.pathname + link.search, { host: link.host });
    expect(String(headers['set-cookie'])).toMatch(/^porthole_web=[\w-]{43}; HttpOnly; SameSite=Lax; Path=\/$/);
  });

  it('say how to get in when the link was used or never followed', async () => {
    const link = new URL(shell.newLink().plain);
    await ask(link.pathname + link.search);
    const used = await ask(link.pathname + link.search);
    expect([used.status, used.body]).toEqual([401, expect.stringContaining('press Enter in the terminal')]);
    const never = await ask('/');
    expect([never.status, never.body]).toEqual([401, expect.stringContaining('press Enter in the terminal')]);
  });

  it('lead a browser that is already in to the screens when it opens a used link again', async () => {
    const { cookie } = await signIn();
    expect(await ask('/login?token=used', { cookie })).toMatchObject({ status: 303, headers: { location: '/' } });
  });

  it('do not spend the link on a preview', async () => {
    const link = new URL(shell.newLink().plain);
    const target = link.pathname + link.search;
    expect((await ask(target, {}, 'HEAD')).status).toBe(401);
    expect((await ask(target, { 'sec-purpose': 'prefetch' })).status).toBe(401);
    expect((await ask(target)).status).toBe(303);
  });

  it('refuse foreign names, foreign origins and methods that write', async () => {
    const { cookie } = await signIn();
    expect((await ask('/', { cookie, host: `evil.example:${shell.port}` })).status).toBe(421);
    expect((await ask('/', { cookie, origin: 'http://127.0.0.1:3000' })).status).toBe(403);
    expect((await ask('/', { cookie }, 'DELETE')).status).toBe(405);
  });

  it('hand out nothing but the renderer’s own files', async () => {
    const { cookie } = await signIn();
    for (const target of ['/secret.pem', '/../shell.test.ts', '/%2e%2e/x', '//etc/passwd', '/app.js/'])
      expect((await ask(target, { cookie })).status, target).toBe(404);
    expect((await ask('http://[', { cookie })).status).toBe(400);
  });
});

describe('sockets', () => {
  it('carry calls to the application and its replies back', async () => {
    const { next, send } = await connect();
    send({ id: 7, channel: 'services:remove', input: { id: 'x' } });
    expect(await next()).toEqual({
      id: 7,
      reply: { ok: true, value: { channel: 'services:remove', input: { id: 'x' } } },
    });
  });

  it('push the state at once and after each change, and the log only to subscribers', async () => {
    const { next } = await connect(['state']);
    expect(await next()).toEqual({ event: 'state', value: STATE });
    app.emit('log', { type: 'records', records: [], dropped: 3 });
    app.current = { ...STATE, revision: 2 };
    app.emit('state', app.current);
    expect(await next()).toEqual({ event: 'state', value: { ...STATE, revision: 2 } });
  });

  it('stop listening to the application when the window goes', async () => {
    const { socket, next } = await connect(['state', 'log']);
    await next();
    expect([...app.listeners.values()].map((set) => set.size)).toEqual([1, 1]);
    socket.close();
    // The client's end is closed before the shell's is.
    await expect.poll(() => [...app.listeners.values()].map((set) => set.size)).toEqual([0, 0]);
  });

  it('refuse an upgrade without our origin, name, path or cookie', async () => {
    const { cookie } = await signIn();
    expect(await refusal(dial({ cookie }, ''))).toBe(403);
    expect(await refusal(dial({ cookie }, 'http://127.0.0.1:3000'))).toBe(403);
    expect(await refusal(dial({ cookie, host: 'evil.example' }, 'http://evil.example'))).toBe(421);
    expect(await refusal(dial({ cookie }, undefined, '/other'))).toBe(404);
    expect(await refusal(dial({}))).toBe(401);
  });

  it('close on a key that is not the session’s', async () => {
    const { cookie } = await signIn();
    const socket = dial({ cookie });
    await once(socket, 'open');
    socket.send(JSON.stringify({ key: 'stolen' }));
    expect(await closeCode(socket)).toBe(CLOSE.keyUnknown);
  });

  it('close on a call before the hello, on what is not a frame, and on a frame too large', async () => {
    const { cookie } = await signIn();
    const eager = dial({ cookie });
    await once(eager, 'open');
    eager.send(JSON.stringify({ id: 1, channel: 'state:get' }));
    expect(await closeCode(eager)).toBe(CLOSE.malformed);
    const rude = await connect();
    rude.socket.send('{"id":');
    expect(await closeCode(rude.socket)).toBe(CLOSE.malformed);
    const large = await connect();
    large.socket.send('x'.repeat(LIMITS.frame + 1));
    expect(await closeCode(large.socket)).toBe(1009);
  });

  it('are bounded in windows and in calls at once', async () => {
    const [first] = await Promise.all([connect(), connect()]);
    const { cookie } = await signIn();
    expect(await closeCode(dial({ cookie }))).toBe(CLOSE.tooMany);
    app.gate = new Promise(() => undefined);
    for (const id of [1, 2, 3]) first.send({ id, channel: 'state:get' });
    expect(await closeCode(first.socket)).toBe(CLOSE.tooMany);
  });

  it('cut a client that does not read', async () => {
    const { socket } = await connect(['log']);
    await expect.poll(() => app.listeners.get('log')?.size).toBe(1);
    socket.pause();
    const batch = { type: 'records' as const, records: [], dropped: 0, filler: 'x'.repeat(1024 * 1024) };
    for (let sent = 0; sent < 64 && app.listeners.get('log')?.size === 1; sent++) {
      app.emit('log', batch);
      await new Promise(setImmediate);
    }
    await expect.poll(() => app.listeners.get('log')?.size).toBe(0);
    socket.terminate();
  });

  it('send a slow client only the newest state once it has caught up', async () => {
    const { socket, next } = await connect(['state']);
    await next();
    socket.pause();
    const heavy = { ...STATE, host: { ...STATE.host, home: 'x'.repeat(1024 * 1024) } };
    for (let revision = 2; revision <= 200; revision++) {
      app.current = { ...heavy, revision };
      app.emit('state', app.current);
      await new Promise(setImmediate);
    }
    socket.resume();
    const seen: number[] = [];
    while (seen.at(-1) !== 200) seen.push(((await next()) as { value: AgentState }).value.revision);
    expect(seen.length).toBeLessThan(50);
  });

  it('say goodbye when the shell closes', async () => {
    const { socket, next } = await connect(['state']);
    await next();
    const code = closeCode(socket);
    await shell.close();
    expect(await code).toBe(1001);
    shell = await startWebShell({ app, screens: folder });
  });
});
