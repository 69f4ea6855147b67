/** TCP and TLS services over real processes: an agent, its embedded edge, visitors and origins on loopback. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type ConnectionOptions,
  createServer as createTlsServer,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { startCli } from '../support/cli.ts';
import {
  dial,
  dialError,
  echo,
  hashAll,
  hearing,
  listening,
  type Origin,
  readAll,
  run,
  tcpOrigin,
  Up,
  untilGone,
} from '../support/direct.ts';
import { freePort } from '../support/free-port.ts';

let up: Up;
beforeAll(async () => {
  up = await Up.start();
});
afterAll(() => up[Symbol.asyncDispose]());

const identity = selfSigned();

/** A TLS server with a certificate of its own that echoes. */
async function tlsOrigin(serve: (socket: Socket) => void = echo): Promise<Origin> {
  const open = new Set<Socket>();
  const server = createTlsServer({ ...identity, ALPNProtocols: ['own/1'] }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  server.on('connection', (socket: Socket) => open.add(socket));
  return listening(server, open);
}

/** The lines of the access log about one service, newest first, once `fits` is true of them. */
async function logOf(id: string, fits: (lines: readonly Record<string, unknown>[]) => boolean) {
  for (;;) {
    const { out } = await run(up.home, 'logs', '--service', id, '--json');
    const lines = out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    if (fits(lines)) return lines;
  }
}

it('carries what a client sends before and after it half-closes, and logs the connection', async () => {
  await using origin = await tcpOrigin((socket) => {
    readAll(socket).then(
      (all) => socket.end(`got ${all.toString()}`),
      () => {},
    );
  });
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--name', 'half']);
  expect(service.url).toBe(`tcp://localhost:${service.port}`);
  const socket = await dial(service.port);
  socket.end('everything');
  expect((await readAll(socket)).toString()).toBe('got everything');
  const [line] = await logOf(service.id, (lines) => lines.length > 0);
  expect(line).toMatchObject({
    kind: 'connection',
    protocol: 'tcp',
    host: 'half.localhost',
    method: '',
    path: '',
    status: 0,
    bytesUp: 10,
    bytesDown: 14,
    address: '127.0.0.1',
  });
  expect(line).not.toHaveProperty('failure');
});

it('lets a server that has said all go on listening', async () => {
  const heard = Promise.withResolvers<string>();
  await using origin = await tcpOrigin((socket) => {
    socket.end('bye');
    hearing((all) => heard.resolve(all.toString()))(socket);
  });
  const service = await up.add(origin.port, ['--protocol', 'tcp']);
  const socket = await dial(service.port);
  expect((await readAll(socket)).toString()).toBe('bye');
  socket.end('still here');
  expect(await heard.promise).toBe('still here');
});

it('carries 64 MiB each way at the same time, byte for byte', async () => {
  await using origin = await tcpOrigin(echo);
  const service = await up.add(origin.port, ['--protocol', 'tcp']);
  const block = randomBytes(1 << 20);
  const blocks = Array.from({ length: 64 }, (_, i) => Buffer.concat([Buffer.of(i), block]));
  const expected = createHash('sha256');
  for (const chunk of blocks) expected.update(chunk);
  const socket = await dial(service.port);
  const [hash] = await Promise.all([hashAll(socket), pipeline(Readable.from(blocks), socket)]);
  expect(hash).toBe(expected.digest('hex'));
});

it('holds back an origin whose visitor does not read, and nobody else', async () => {
  const block = randomBytes(1 << 20);
  // One is the visitor's, and the agent may have looked who is there.
  const sources: Socket[] = [];
  await using origin = await tcpOrigin((socket) => {
    const pump = (): void => {
      while (socket.writable && socket.write(block));
    };
    socket.on('drain', pump);
    pump();
    sources.push(socket);
  });
  await using other = await tcpOrigin(echo);
  const slow = await up.add(origin.port, ['--protocol', 'tcp']);
  const quick = await up.add(other.port, ['--protocol', 'tcp']);
  const sleeper = await dial(slow.port);
  await once(sleeper, 'readable');
  const sent = Buffer.concat(Array.from({ length: 32 }, () => block));
  const reader = await dial(quick.port);
  const [echoed] = await Promise.all([hashAll(reader), pipeline(Readable.from([sent]), reader)]);
  expect(echoed).toBe(createHash('sha256').update(sent).digest('hex'));
  // Kernel buffers on four sockets and one window of the tunnel.
  for (const { bytesWritten } of sources) expect(bytesWritten).toBeLessThan(48 * 1024 * 1024);
  sleeper.destroy();
});

it('closes in order and says why when nothing listens', async () => {
  const port = await freePort();
  const service = await up.add(port, ['--protocol', 'tcp'], 'error');
  const gone = await untilGone(await dial(service.port));
  expect(gone).toMatchObject({ reset: false, received: Buffer.alloc(0) });
  const [line] = await logOf(service.id, (lines) => lines.length > 0);
  expect(line).toMatchObject({ kind: 'connection', failure: 'origin_refused', bytesDown: 0 });
});

it('ends a connection that was silent for the idle timeout', async () => {
  await using origin = await tcpOrigin(echo);
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--idle-timeout', '5s']);
  const socket = await dial(service.port);
  socket.write('ping');
  const { received } = await untilGone(socket);
  expect(received.toString()).toBe('ping');
  const [line] = await logOf(service.id, (lines) => lines.length > 0);
  expect(line).toMatchObject({ failure: 'idle_timeout', bytesUp: 4, bytesDown: 4 });
});

it('takes listener and connections away at once when a service is switched off or removed', async () => {
  await using origin = await tcpOrigin(echo);
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--name', 'brief']);
  const first = await dial(service.port);
  first.write('x');
  await once(first, 'data');
  const cut = untilGone(first);
  expect((await run(up.home, 'services', 'disable', 'brief')).code).toBe(0);
  await cut;
  expect(await dialError(service.port)).toBe('ECONNREFUSED');
  const has = (status: string) =>
    up.until(({ services }) => services.some((s) => s.id === service.id && s.status === status));
  // Else what was known before would be taken for what came of the next command.
  await has('disabled');

  expect((await run(up.home, 'services', 'enable', 'brief')).code).toBe(0);
  await has('active');
  const second = await dial(service.port);
  second.write('x');
  await once(second, 'data');
  const removed = untilGone(second);
  expect((await run(up.home, 'services', 'remove', 'brief')).code).toBe(0);
  await removed;
  expect(await dialError(service.port)).toBe('ECONNREFUSED');
});

it('tells the origin who connects by a PROXY protocol header', async () => {
  const heard = Promise.withResolvers<Buffer>();
  await using origin = await tcpOrigin(hearing(heard.resolve));
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--proxy-protocol']);
  const socket = await dial(service.port);
  const { localPort } = socket;
  socket.end('hello');
  const all = await heard.promise;
  expect(all.subarray(0, 16).toString('hex')).toBe('0d0a0d0a000d0a515549540a2111000c');
  expect([...all.subarray(16, 24)]).toEqual([127, 0, 0, 1, 127, 0, 0, 1]);
  expect([all.readUInt16BE(24), all.readUInt16BE(26)]).toEqual([localPort, service.port]);
  expect(all.subarray(28).toString()).toBe('hello');
});

it('passes TLS through unopened on the main port: the certificate is the origin’s own', async () => {
  await using origin = await tlsOrigin();
  const service = await up.add(origin.port, ['--protocol', 'tls', '--name', 'vault']);
  expect(service.url).toMatch(/^tls:\/\/vault\.localhost:\d+$/);
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: service.port,
    servername: 'vault.localhost',
    ALPNProtocols: ['own/1'],
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  expect(socket.alpnProtocol).toBe('own/1');
  expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(new X509Certificate(identity.cert).fingerprint256);
  socket.write('through');
  expect(String((await once(socket, 'data'))[0])).toBe('through');
  const ended = readAll(socket);
  socket.end();
  await ended;
  const [line] = await logOf(service.id, (lines) => lines.length > 0);
  expect(line).toMatchObject({ kind: 'connection', protocol: 'tls', secure: true, host: 'vault.localhost' });
});

it('is what openssl s_client takes for a TLS server', async () => {
  await using origin = await tlsOrigin();
  const service = await up.add(origin.port, ['--protocol', 'tls', '--name', 'plain-client']);
  const args = ['s_client', '-connect', `127.0.0.1:${service.port}`, '-servername', 'plain-client.localhost', '-quiet'];
  const client = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  client.stdin.write('said by openssl\n');
  expect(String((await once(client.stdout, 'data'))[0])).toBe('said by openssl\n');
  const ended = once(client, 'close');
  client.kill();
  await ended;
});

/**
 * A TLS connection to a shared port whose ClientHello came in time. Where this process stands still for a third of a
 * second in front of it, its client counts as one that waits, and a server that is none of TLS greets it.
 */
async function promptly(options: ConnectionOptions): Promise<TLSSocket> {
  for (;;) {
    const socket = tlsConnect(options);
    try {
      await once(socket, 'secureConnect');
      return socket;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SSL_WRONG_VERSION_NUMBER')) throw error;
    }
  }
}

it('shares a port: TLS by name, all else and the silent to the TCP service', async () => {
  const first = Promise.withResolvers<Buffer>();
  await using fallback = await tcpOrigin((socket) => {
    socket.write('220 ready\r\n');
    socket.once('data', (chunk: Buffer) => {
      if (chunk.includes('nobody.localhost')) first.resolve(chunk);
      socket.end();
    });
  });
  await using secure = await tlsOrigin();
  const plain = await up.add(fallback.port, ['--protocol', 'tcp', '--name', 'mail']);
  const port = String(plain.port);
  const sealed = await up.add(secure.port, ['--protocol', 'tls', '--name', 'sealed', '--listen-port', port]);
  expect(sealed.url).toBe(`tls://sealed.localhost:${port}`);

  // A client that waits for the server to speak.
  const silent = await dial(plain.port);
  expect(String((await once(silent, 'data'))[0])).toBe('220 ready\r\n');
  silent.destroy();

  // One that names the TLS service.
  const options = { host: '127.0.0.1', port: plain.port, rejectUnauthorized: false };
  const named = await promptly({ ...options, servername: 'sealed.localhost' });
  named.write('inside');
  expect(String((await once(named, 'data'))[0])).toBe('inside');
  named.destroy();

  // One that names nobody we know: its bytes reach the fallback as they are.
  const stranger = tlsConnect({ ...options, servername: 'nobody.localhost' });
  stranger.on('error', () => {});
  expect([...(await first.promise).subarray(0, 3)]).toEqual([22, 3, 1]);
  stranger.destroy();
});

it('refuses a TLS name that no service of a TLS port has', async () => {
  await using secure = await tlsOrigin();
  const port = await freePort();
  await up.add(secure.port, ['--protocol', 'tls', '--name', 'alone', '--listen-port', String(port)]);
  const stranger = tlsConnect({ host: '127.0.0.1', port, servername: 'other.localhost', rejectUnauthorized: false });
  const [error] = (await once(stranger, 'error')) as [Error & { code: string }];
  expect(error.code).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
});

it('names the service that has a port, and takes another where that is wished', async () => {
  await using origin = await tcpOrigin(echo);
  const holder = await up.add(origin.port, ['--protocol', 'tcp', '--name', 'holder']);
  const wanted = String(holder.port);
  const clash = await run(up.home, 'services', 'add', '80', '--protocol', 'tcp', '--listen-port', wanted, '--json');
  expect(clash.code).toBe(1);
  expect(JSON.parse(clash.out)).toMatchObject({
    error: { code: 'port_taken', message: expect.stringContaining('"holder"'), field: 'listenPort' },
  });
  const low = await run(up.home, 'services', 'add', '80', '--protocol', 'tcp', '--listen-port', '80', '--json');
  expect(JSON.parse(low.out)).toMatchObject({ error: { code: 'port_privileged' } });
  const http = await run(up.home, 'services', 'add', '80', '--listen-port', wanted, '--json');
  expect(JSON.parse(http.out)).toMatchObject({ error: { code: 'input_invalid', field: 'listenPort' } });

  const args = ['expose', String(origin.port), '--protocol', 'tcp', '--with-external-port', wanted, '--json'];
  await using exposed = startCli(up.home, args);
  const line = (await exposed.line()) as { url: string; note: string; protocol: string };
  expect(line.protocol).toBe('tcp');
  expect(line.note).toContain(`Port ${wanted} was not to be had`);
  const port = Number(new URL(line.url).port);
  expect(port).not.toBe(holder.port);
  const socket = await dial(port);
  socket.end('ok');
  expect((await readAll(socket)).toString()).toBe('ok');
});

it('says so when another program has the port, and takes it once it is free', async () => {
  await using origin = await tcpOrigin(echo);
  const squatter = await tcpOrigin(() => {}, await freePort());
  const service = await up.add(origin.port, ['--protocol', 'tcp', '--listen-port', String(squatter.port)], 'error');
  const { out } = await run(up.home, 'services', '--json');
  const listed = out.split('\n').map((line) => (line === '' ? {} : JSON.parse(line)) as Record<string, unknown>);
  expect(listed.find((s) => s.id === service.id)?.statusReason).toContain('already in use');
  await squatter[Symbol.asyncDispose]();
  await up.until((state) => state.services.some((s) => s.id === service.id && s.status === 'active'));
  const socket = await dial(service.port);
  socket.end('mine now');
  expect((await readAll(socket)).toString()).toBe('mine now');
});
