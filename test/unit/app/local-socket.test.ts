import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { connectLocal } from '../../../main/app/local-client.ts';
import { LOCAL_SOCKET_LIMITS, openLocalSocket, type SocketLimits } from '../../../main/app/local-socket.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import { temporaryFolder } from '../../support/folder.ts';

type SocketApp = Parameters<typeof openLocalSocket>[1];

async function serve(home: string, limits: Partial<SocketLimits> = {}, more: Partial<SocketApp> = {}) {
  const listeners = new Set<(value: never) => void>();
  const app: SocketApp = {
    dispatch: vi.fn(async (channel: string, input: unknown) => ({ ok: true as const, value: { channel, input } })),
    on(_, listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    state: () => ({ revision: 7 }) as AgentState,
    ...more,
  };
  const opened = await openLocalSocket(home, app, { ...LOCAL_SOCKET_LIMITS, ...limits });
  if (!opened.ok) throw new Error(opened.error.message);
  return { app, listeners, socket: opened.value, [Symbol.asyncDispose]: () => opened.value.close() };
}

/** Sends raw bytes and resolves with all that came back when the app has hung up. */
async function raw(home: string, bytes: string): Promise<string> {
  const socket = connect(path.join(home, 'agent.sock'));
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

it('carries calls and events, for its owner alone', async () => {
  using folder = temporaryFolder();
  await using server = await serve(folder.path);
  expect(statSync(server.socket.path).mode & 0o777).toBe(0o600);
  const client = await connectLocal(folder.path, ['state']);
  if (client === undefined) throw new Error('no connection');
  const first = new Promise((resolve) => client.on('state', resolve));
  expect(await first).toEqual({ revision: 7 });
  const reply = await client.call('services:remove', { id: 'a' });
  expect(reply).toEqual({ ok: true, value: { channel: 'services:remove', input: { id: 'a' } } });
  expect(server.listeners.size).toBe(1);
  await client.close();
  await expect.poll(() => server.listeners.size).toBe(0);
});

it('tells a client at once when the app goes away', async () => {
  using folder = temporaryFolder();
  const server = await serve(folder.path, {}, { dispatch: () => new Promise(() => {}) });
  const client = await connectLocal(folder.path, []);
  if (client === undefined) throw new Error('no connection');
  const waiting = client.call('state:get', undefined);
  await server.socket.close();
  await client.closed;
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'app_not_running' } });
  expect(await client.call('state:get', undefined)).toMatchObject({ ok: false, error: { code: 'app_not_running' } });
  expect(existsSync(server.socket.path)).toBe(false);
  expect(await connectLocal(folder.path, [])).toBeUndefined();
});

it.each([
  ['no JSON', 'hello\n'],
  ['no frame', '{"id":-1,"channel":"x"}\n'],
  ['another hello', '{"subscribe":[]}\n{"subscribe":[]}\n'],
  ['an unknown event', '{"subscribe":["secrets"]}\n'],
  ['a line without end', 'x'.repeat(300)],
])('hangs up on %s', async (_, bytes) => {
  using folder = temporaryFolder();
  await using server = await serve(folder.path, { line: 200 });
  expect(await raw(folder.path, bytes)).toBe('');
  expect(server.app.dispatch).not.toHaveBeenCalled();
});

it('hangs up on a client with too many calls under way', async () => {
  using folder = temporaryFolder();
  await using _ = await serve(folder.path, { calls: 2 }, { dispatch: () => new Promise(() => {}) });
  const call = (id: number) => `${JSON.stringify({ id, channel: 'state:get' })}\n`;
  expect(await raw(folder.path, call(1) + call(2) + call(3))).toBe('');
});

it('ends what a client exposed when the client is gone', async () => {
  using folder = temporaryFolder();
  const removed = Promise.withResolvers<unknown>();
  const dispatch = vi.fn(async (channel: string, input: unknown) => {
    if (channel === 'services:remove') removed.resolve(input);
    return { ok: true as const, value: { id: 'e1', source: 'ephemeral' } };
  });
  await using _ = await serve(folder.path, {}, { dispatch });
  const client = await connectLocal(folder.path, []);
  await client?.call('services:publish', { port: 3000, source: 'ephemeral' });
  await client?.close();
  expect(await removed.promise).toEqual({ id: 'e1' });
});

it('takes over the socket of an app that was killed', async () => {
  using folder = temporaryFolder();
  const dead = createServer();
  dead.listen(path.join(folder.path, 'agent.sock'));
  await once(dead, 'listening');
  await using server = await serve(folder.path);
  const client = await connectLocal(folder.path, []);
  expect(await client?.call('state:get', undefined)).toMatchObject({ ok: true });
  await client?.close();
  expect(server.socket.path).toBe(path.join(folder.path, 'agent.sock'));
  dead.close();
});

it('has its socket elsewhere when the path is too long, and leaves nothing there', async () => {
  using folder = temporaryFolder();
  const home = path.join(folder.path, 'h'.repeat(100));
  mkdirSync(home);
  const server = await serve(home);
  const place = path.dirname(server.socket.path);
  expect(statSync(place).mode & 0o777).toBe(0o700);
  const client = await connectLocal(home, []);
  expect(await client?.call('state:get', undefined)).toMatchObject({ ok: true });
  await client?.close();
  await server.socket.close();
  expect(existsSync(place)).toBe(false);
});
