import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createAllowList } from '../../../main/agent/allow-list.ts';
import { createOriginDialler, originRefusal } from '../../../main/agent/origin.ts';
import { RESET } from '../../../shared/wire/codes.ts';
import type { OpenRequest } from '../../../shared/wire/open.ts';
import { selfSigned } from '../../support/certificate.ts';
import { freePort } from '../../support/free-port.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server, host: string, wanted = 0): Promise<number> {
  servers.push(server);
  server.listen(wanted, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Has `server` listen on ::1, on a port that 127.0.0.1 has free too. */
async function listenBesideNobody(server: Server): Promise<number> {
  for (;;) {
    const other = createServer();
    const port = await listen(other, '127.0.0.1');
    const taken = await listen(server, '::1', port).then(
      () => false,
      () => true,
    );
    other.close();
    await once(other, 'close');
    if (!taken) return port;
  }
}

const target = (port: number, more: Partial<OpenRequest> = {}): OpenRequest & { service: string } => ({
  service: 's1',
  type: 'agent',
  host: 'localhost',
  port,
  tls: false,
  skipTlsVerify: false,
  connectTimeout: 5_000,
  ...more,
});

async function dial(open: OpenRequest, signal = new AbortController().signal) {
  const dialler = createOriginDialler(createAllowList([open]), new AbortController().signal);
  const dialled = await dialler.dial(open, signal);
  if (dialled.ok) sockets.push(dialled.value.socket);
  return { dialler, dialled, code: dialled.ok ? undefined : dialled.error.code };
}

describe('the origin dialler', () => {
  it.each(['127.0.0.1', '::1'])('reaches a server that listens on %s only, fast', async (host) => {
    const port = await listen(createServer(), host);
    const { dialled } = await dial(target(port, { connectTimeout: 15_000 }));
    expect(dialled.ok && dialled.value.socket.remoteAddress).toBe(host);
    expect(dialled.ok && dialled.value.dialMicros).toBeGreaterThan(0);
    // Far from what a dial may take, and out of reach for a machine that stands still for a moment.
    expect(dialled.ok && dialled.value.dialMicros).toBeLessThan(5_000_000);
  });

  it('stays on loopback for type agent, whatever the host says', async () => {
    const port = await listen(createServer(), '127.0.0.1');
    const { dialled } = await dial(target(port, { host: 'example.com' }));
    expect(dialled.ok && dialled.value.socket.remoteAddress).toBe('127.0.0.1');
  });

  it('refuses what is not allowed, before anything is dialled', async () => {
    const accepted: Socket[] = [];
    const port = await listen(
      createServer((socket) => accepted.push(socket)),
      '127.0.0.1',
    );
    const dialler = createOriginDialler(createAllowList(), new AbortController().signal);
    const dialled = await dialler.dial(target(port), new AbortController().signal);
    expect(dialled.ok ? undefined : dialled.error.code).toBe(RESET.NOT_ALLOWED);
    expect(accepted).toEqual([]);
  });

  it('says that nothing listens', async () => {
    expect((await dial(target(await freePort()))).code).toBe(RESET.REFUSED);
  });

  it('says that a name has no address', async () => {
    // Longer than a resolver waits whose own server is silent.
    const nowhere = target(80, { type: 'host', host: 'nowhere.invalid', connectTimeout: 15_000 });
    expect((await dial(nowhere)).code).toBe(RESET.UNRESOLVED);
  });

  it('dials an address of type host', async () => {
    const port = await listen(createServer(), '::1');
    expect((await dial(target(port, { type: 'host', host: '[::1]' }))).dialled.ok).toBe(true);
  });

  it.each(['127.0.0.1.', '[::1].'])('dials %s under the very spelling that was allowed', async (host) => {
    const port = await listen(createServer(), host.includes(':') ? '::1' : '127.0.0.1');
    expect((await dial(target(port, { type: 'host', host }))).dialled.ok).toBe(true);
  });

  it('gives up on a TLS handshake that never comes', async () => {
    const port = await listen(createServer(), '127.0.0.1');
    expect((await dial(target(port, { tls: true, connectTimeout: 1 }))).code).toBe(RESET.TIMEOUT);
  });

  it('gives up when the visitor leaves', async () => {
    const leave = new AbortController();
    const server = createServer(() => leave.abort());
    const port = await listen(server, '127.0.0.1');
    const { code } = await dial(target(port, { tls: true }), leave.signal);
    expect(code).toBe(RESET.CANCELLED);
    expect((await dial(target(port), AbortSignal.abort())).code).toBe(RESET.CANCELLED);
  });

  it('tells a server that does not speak TLS from one that is not there', async () => {
    const port = await listen(
      createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      '127.0.0.1',
    );
    expect((await dial(target(port, { tls: true }))).code).toBe(RESET.BROKEN);
  });

  it('cuts the connections to a target that is not allowed any more, and only those', async () => {
    const ports = [await listen(createServer(), '127.0.0.1'), await listen(createServer(), '127.0.0.1')] as const;
    const list = createAllowList(ports.map((port) => target(port)));
    const dialler = createOriginDialler(list, new AbortController().signal);
    const [cut, kept] = await Promise.all(
      ports.map((port) => dialler.dial(target(port), new AbortController().signal)),
    );
    if (cut?.ok !== true || kept?.ok !== true) throw new Error('not dialled');
    sockets.push(kept.value.socket);
    list.revoke(target(ports[0]));
    await once(cut.value.socket, 'close');
    expect([dialler.open, kept.value.socket.destroyed]).toEqual([1, false]);
  });

  it('hands out nothing to a target that was taken back during the dial', async () => {
    const port = await listen(createServer(), '127.0.0.1');
    const list = createAllowList([target(port)]);
    const pending = createOriginDialler(list, new AbortController().signal).dial(
      target(port),
      new AbortController().signal,
    );
    list.revoke(target(port));
    const dialled = await pending;
    expect(dialled.ok ? undefined : dialled.error.code).toBe(RESET.NOT_ALLOWED);
  });

  it('finds a server again that has moved from one loopback address to the other', async () => {
    const first = createServer();
    const port = await listenBesideNobody(first);
    const dialler = createOriginDialler(createAllowList([target(port)]), new AbortController().signal);
    const reached = async (): Promise<string | undefined> => {
      const dialled = await dialler.dial(target(port), new AbortController().signal);
      if (!dialled.ok) throw new Error(dialled.error.reason);
      sockets.push(dialled.value.socket);
      return dialled.value.socket.remoteAddress;
    };
    expect([await reached(), await reached()]).toEqual(['::1', '::1']);
    for (const socket of sockets.splice(0)) socket.destroy();
    first.close();
    await once(first, 'close');
    await listen(createServer(), '127.0.0.1', port);
    expect([await reached(), await reached()]).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('counts the connections that are open', async () => {
    const port = await listen(createServer(), '127.0.0.1');
    const { dialler, dialled } = await dial(target(port));
    expect(dialler.open).toBe(1);
    if (dialled.ok) {
      dialled.value.socket.destroy();
      await once(dialled.value.socket, 'close');
    }
    expect(dialler.open).toBe(0);
  });
});

describe('a Unix socket', () => {
  const at = (path: string): ReturnType<typeof target> => target(0, { type: 'unix', host: path });

  it('is reached under its path, and only where that was allowed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'porthole socket '));
    const path = join(folder, 'app.sock');
    const server = createServer((socket) => socket.end('hello'));
    servers.push(server);
    server.listen(path);
    await once(server, 'listening');
    const { dialled } = await dial(at(path));
    if (!dialled.ok) throw new Error(dialled.error.reason);
    const [first] = await once(dialled.value.socket, 'data');
    expect(String(first)).toBe('hello');
    const other = createOriginDialler(createAllowList([at(join(folder, 'other.sock'))]), new AbortController().signal);
    const refused = await other.dial(at(path), new AbortController().signal);
    expect(refused.ok ? undefined : refused.error.code).toBe(RESET.NOT_ALLOWED);
    rmSync(folder, { recursive: true });
    expect((await dial(at(path))).code).toBe(RESET.REFUSED);
  });
});

describe('an https origin', () => {
  it('with a certificate that nobody vouches for is untrusted unless that is waived', async () => {
    const port = await listen(createTlsServer({ ...selfSigned(), ALPNProtocols: ['h2', 'http/1.1'] }), '127.0.0.1');
    expect((await dial(target(port, { tls: true }))).code).toBe(RESET.UNTRUSTED);
    const { dialled } = await dial(target(port, { tls: true, skipTlsVerify: true }));
    expect(dialled.ok && 'alpnProtocol' in dialled.value.socket && dialled.value.socket.alpnProtocol).toBe('http/1.1');
  });

  it('chooses HTTP/2 where that is offered', async () => {
    const port = await listen(createTlsServer({ ...selfSigned(), ALPNProtocols: ['h2', 'http/1.1'] }), '127.0.0.1');
    const { dialled } = await dial(target(port, { tls: true, skipTlsVerify: true, http2: true }));
    expect(dialled.ok && dialled.value.http2).toBe(true);
    const old = await listen(createTlsServer({ ...selfSigned(), ALPNProtocols: ['http/1.1'] }), '127.0.0.1');
    const plain = await dial(target(old, { tls: true, skipTlsVerify: true, http2: true }));
    expect(plain.dialled.ok && plain.dialled.value.http2).toBe(false);
  });

  it('is found under a name with several addresses, TLS included', async () => {
    const port = await listen(createTlsServer(selfSigned()), '127.0.0.1');
    const { dialled } = await dial(target(port, { type: 'domain', tls: true, skipTlsVerify: true }));
    expect(dialled.ok && dialled.value.socket.remoteAddress).toBe('127.0.0.1');
  });

  it('is told its name', async () => {
    const names: (string | undefined)[] = [];
    const server = createTlsServer(selfSigned(), (socket) => names.push(socket.servername || undefined));
    const port = await listen(server, '127.0.0.1');
    const seen = once(server, 'secureConnection');
    await dial(target(port, { tls: true, skipTlsVerify: true }));
    await seen;
    expect(names).toEqual(['localhost']);
  });

  it('is told its name as it was allowed, without a dot at its end', async () => {
    const server = createTlsServer(selfSigned());
    const port = await listen(server, '127.0.0.1');
    const seen = once(server, 'secureConnection');
    await dial(target(port, { type: 'host', host: 'LocalHost.', tls: true, skipTlsVerify: true }));
    const [socket] = await seen;
    expect(socket.servername).toBe('localhost');
  });
});

describe('the refusal of a dial', () => {
  it.each([
    ['ECONNREFUSED', RESET.REFUSED],
    ['EHOSTUNREACH', RESET.REFUSED],
    ['ENOTFOUND', RESET.UNRESOLVED],
    ['EAI_AGAIN', RESET.UNRESOLVED],
    ['ETIMEDOUT', RESET.TIMEOUT],
    ['EMFILE', RESET.LIMIT],
    ['CERT_HAS_EXPIRED', RESET.UNTRUSTED],
    ['ERR_TLS_CERT_ALTNAME_INVALID', RESET.UNTRUSTED],
    ['EPROTO', RESET.BROKEN],
    ['', RESET.BROKEN],
  ])('by %s is coded %d', (code, reset) => {
    expect(originRefusal(code).code).toBe(reset);
  });
});
