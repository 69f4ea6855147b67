import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpProxy } from '../../../main/agent/proxy.ts';
import { HEAD_LIMIT, openTunnel, readAnswer } from '../../../main/agent/proxy-tunnel.ts';
import { because, sayReason } from '../../../shared/domain/reason.ts';
import { startBusyServer } from '../../support/busy-server.ts';

const OPEN = 'HTTP/1.1 200 Connection established\r\n\r\n';
const EDGE = { host: 'edge.test', port: 443 };
const never = new AbortController().signal;
const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** A server that does `serve` once it has the head of a request; its port, and the heads. */
async function proxyThat(serve: (socket: Socket) => void) {
  const heads: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        const before = text.includes('\r\n\r\n');
        text += chunk.toString('latin1');
        if (before || !text.includes('\r\n\r\n')) return;
        heads.push(text);
        serve(socket);
      });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { heads, port, proxy: new HttpProxy('127.0.0.1', port) };
}

/** What comes of asking a proxy that does `serve`: `open`, or why not. */
async function ask(serve: (socket: Socket) => void, limit = 10_000) {
  const { proxy } = await proxyThat(serve);
  const opened = await openTunnel(proxy, EDGE, never, limit);
  if (!opened.ok) return opened.error;
  opened.value.destroy();
  return 'open';
}

describe('the answer to a CONNECT', () => {
  it.each([
    [OPEN, 200, ''],
    ['HTTP/1.0 200\r\n\r\n', 200, ''],
    ['HTTP/1.1 204 Fine\r\nContent-Length: 9\r\n\r\nafter', 204, 'after'],
    ['HTTP/1.1 403 \r\nVia: x\r\n\r\nno', 403, 'no'],
    [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n${OPEN}x`, 200, 'x'],
    ['HTTP/1.1 101 Switching\r\n\r\n', 101, ''],
  ])('%j', (text, status, rest) => {
    const answer = readAnswer(Buffer.from(text));
    expect(typeof answer === 'string' ? answer : [answer.status, answer.rest.toString()]).toEqual([status, rest]);
  });

  it.each([
    ['', 'more'],
    ['HTT', 'more'],
    ['HTTP/1.1 200 OK\r\n', 'more'],
    ['HTTP/1.1 100 Continue\r\n\r\n', 'more'],
    ['SSH-2.0-x', 'odd'],
    ['\r\n', 'odd'],
    ['HTTP/2 200 OK\r\n\r\n', 'odd'],
    ['HTTP/1.2 200 OK\r\n\r\n', 'odd'],
    ['HTTP/1.1 20 OK\r\n\r\n', 'odd'],
    ['HTTP/1.1 2000 OK\r\n\r\n', 'odd'],
    ['HTTP/1.1  200 OK\r\n\r\n', 'odd'],
    ['HTTP/1.1 600 OK\r\n\r\n', 'odd'],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(HEAD_LIMIT)}`, 'long'],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(HEAD_LIMIT)}\r\n\r\n`, 'long'],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(HEAD_LIMIT / 16), 'long'],
  ])('%j', (text, kind) => {
    expect(readAnswer(Buffer.from(text))).toBe(kind);
  });
});

describe('a way through a proxy', () => {
  it('is asked for by name or address, and with the credentials of the proxy only', async () => {
    const { heads, port, proxy } = await proxyThat((socket) => socket.write(OPEN));
    const withName = new HttpProxy('localhost', port, 'Basic YTpi');
    for (const [by, target] of [
      [proxy, EDGE],
      [withName, { host: '2001:db8::1', port: 8443 }],
    ] as const) {
      const opened = await openTunnel(by, target, never, 10_000);
      expect(opened.ok).toBe(true);
      if (opened.ok) opened.value.destroy();
    }
    expect(heads).toEqual([
      'CONNECT edge.test:443 HTTP/1.1\r\nHost: edge.test:443\r\n\r\n',
      'CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\nProxy-Authorization: Basic YTpi\r\n\r\n',
    ]);
  });

  it.each([
    ['in one piece', OPEN.length + 5],
    ['in the midst of what follows', OPEN.length + 2],
    ['byte by byte', 1],
  ])('begins with what came after the head, that came %s', async (_, size) => {
    const { proxy } = await proxyThat((socket) => {
      const text = `${OPEN}hello`;
      const next = (at: number): void => {
        if (at < text.length) socket.write(text.slice(at, at + size), () => setImmediate(next, at + size));
      };
      next(0);
    });
    const opened = await openTunnel(proxy, EDGE, never, 10_000);
    if (!opened.ok) throw new Error(sayReason(opened.error.reason));
    let text = '';
    for await (const chunk of opened.value) {
      text += String(chunk);
      if (text.length === 5) break;
    }
    expect(text).toBe('hello');
  });

  it.each([
    ['garbage', (s: Socket) => s.write('220 mail.example ESMTP\r\n'), 'refused', 'does not answer as an HTTP proxy'],
    [
      'a head without end',
      (s: Socket) => s.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(HEAD_LIMIT)}`),
      'refused',
      'too long',
    ],
    ['a close', (s: Socket) => s.destroy(), 'unreached', 'closed'],
    ['a close in the midst of the head', (s: Socket) => s.end('HTTP/1.1 200 OK\r\n'), 'unreached', 'closed'],
    ['a reset', (s: Socket) => s.resetAndDestroy(), 'unreached', 'cut'],
    ['403', (s: Socket) => s.end('HTTP/1.1 403 <b>No</b>\r\n\r\n'), 'refused', 'it answers with status 403'],
    ['302', (s: Socket) => s.end('HTTP/1.1 302 Login\r\nLocation: http://login\r\n\r\n'), 'refused', 'status 302'],
    ['407', (s: Socket) => s.end('HTTP/1.1 407 Who\r\n\r\n'), 'credentials', 'wants a user name'],
  ] as const)('is not opened by %s', async (_, serve, kind, reason) => {
    const fault = await ask(serve);
    expect(fault).toMatchObject({ kind });
    expect(fault === 'open' ? fault : sayReason(fault.reason)).toContain(reason);
  });

  it('tells credentials that are wrong from none', async () => {
    const { port } = await proxyThat((socket) => socket.end('HTTP/1.1 407 Who\r\n\r\n'));
    const opened = await openTunnel(new HttpProxy('127.0.0.1', port, 'Basic c2VjcmV0'), EDGE, never, 10_000);
    expect(opened.ok ? '' : sayReason(opened.error.reason)).toContain('does not take the user name');
    expect(JSON.stringify(opened)).not.toContain('c2VjcmV0');
  });

  it('is not waited for longer than allowed, though bytes drip in', async () => {
    let dripping: NodeJS.Timeout | undefined;
    const began = performance.now();
    const asked = ask((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX: ');
      dripping = setInterval(() => socket.write('x'), 5);
    }, 150);
    expect(await asked).toEqual({ kind: 'unreached', reason: because('silent') });
    clearInterval(dripping);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('is given up with the signal, before and while it is asked for', async () => {
    const given = new AbortController();
    const { proxy, heads } = await proxyThat(() => given.abort());
    expect(await openTunnel(proxy, EDGE, given.signal, 10_000)).toMatchObject({
      error: { reason: because('given_up') },
    });
    expect(heads).toHaveLength(1);
    expect(await openTunnel(proxy, EDGE, given.signal, 10_000)).toMatchObject({
      error: { reason: because('given_up') },
    });
    expect(heads).toHaveLength(1);
  });

  it('waits for a proxy on loopback that is too busy to take the connection at once', async () => {
    await using busy = await startBusyServer(OPEN);
    const proxy = new HttpProxy('localhost', busy.port);
    expect(await openTunnel(proxy, EDGE, never, 600)).toMatchObject({ error: { reason: because('silent') } });
    const asked = openTunnel(proxy, EDGE, never, 10_000);
    busy.rest();
    const opened = await asked;
    expect(opened.ok).toBe(true);
    if (opened.ok) opened.value.destroy();
  });

  it('says why the proxy is not reached', async () => {
    const { proxy } = await proxyThat(() => {});
    const [server] = servers.splice(0);
    server?.close();
    if (server !== undefined) await once(server, 'close');
    const refused = await openTunnel(proxy, EDGE, never, 10_000);
    expect(refused).toMatchObject({ error: { kind: 'unreached', reason: because('refused') } });
  });
});
