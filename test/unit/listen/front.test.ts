import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Certificates } from '../../../edge/certificates/certificates.ts';
import { createLocalCertificates } from '../../../edge/certificates/local-certificates.ts';
import { DEFAULT_LIMITS } from '../../../edge/limits.ts';
import { listenAll, listenAt } from '../../../edge/listen/address.ts';
import { Admission, type AdmissionLimits } from '../../../edge/listen/admission.ts';
import { Front } from '../../../edge/listen/front.ts';
import { peekHello } from '../../../edge/listen/peek.ts';
import { sourceOf } from '../../../edge/peer.ts';

const folder = mkdtempSync(join(tmpdir(), 'porthole-front-'));
let certificates: Certificates;
const opened: { close(): void }[] = [];

beforeAll(() => {
  const made = createLocalCertificates({ dataDir: folder, domain: 'edge.test' });
  if (!made.ok) throw new Error(made.error.message);
  certificates = made.value;
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const thing of opened.splice(0)) thing.close();
});

/** A front whose handlers greet with their own name and end. */
async function startFront(limits: AdmissionLimits = { total: 100, perSource: 100 }, times = {}, http2 = true) {
  const refused: string[] = [];
  const admission = new Admission(limits);
  const later = Promise.withResolvers<TLSSocket>();
  const greet = (name: string) => (socket: TLSSocket) => {
    socket.resume();
    socket.end(name);
  };
  const front = new Front({
    domain: 'edge.test',
    secureContext: (name) => certificates.secureContext(name) ?? certificates.defaultContext(),
    defaultContext: () => certificates.defaultContext(),
    admission,
    handlers: {
      tunnel: greet('tunnel'),
      api: greet('api'),
      visitor: (socket, name) => {
        if (name === 'later.edge.test') later.resolve(socket);
        else greet(`visitor ${name}`)(socket);
      },
    },
    onRefused: (reason) => refused.push(reason),
    onAcceptError: (error) => refused.push(error.message),
    limits: { ...DEFAULT_LIMITS, ...times },
    offersHttp2: () => http2,
  });
  const server = front.createListener();
  const listened = await listenAt(server, { host: '127.0.0.1', port: 0 });
  if (!listened.ok) throw new Error(listened.error.message);
  opened.push({
    close: () => {
      server.close();
      admission.destroyAll();
    },
  });
  return { port: listened.value.port, refused, admission, later: later.promise };
}

function dial(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket = tlsConnect({ port, host: '127.0.0.1', ca: certificates.caPem, servername: 'edge.test', ...options });
  return readText(socket);
}

function send(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(bytes);
  return readText(socket);
}

/** What a client that never hears back has sent. */
async function realHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = tlsConnect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', servername: 'a.test' });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
  return hello;
}

describe('Front', () => {
  it('cuts connections without a whole ClientHello, and unfinished handshakes, when their time is over', async () => {
    const hello = await realHello();
    const first = await startFront(undefined, { helloTime: 100 });
    expect(await send(first.port, hello.subarray(0, 20))).toBe('');
    expect(first.refused).toEqual(['timeout']);
    const second = await startFront(undefined, { handshakeTime: 150 });
    const silent = connect({ port: second.port, host: '127.0.0.1' });
    silent.write(hello);
    await once(silent.resume(), 'close');
    expect(second.refused).toEqual(['handshake: ERR_TLS_HANDSHAKE_TIMEOUT']);
  });

  it('lets go at once of a client that leaves in the middle of its handshake', async () => {
    const { port, refused, admission } = await startFront();
    const hello = await realHello();
    const leaving = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    leaving.write(hello);
    await once(leaving, 'data');
    expect(admission.open).toBe(1);
    leaving.end();
    await once(leaving.resume(), 'close');
    expect([refused, admission.open]).toEqual([['handshake: ECONNRESET'], 0]);
  });

  it('lets a client half-close once its handshake is done', async () => {
    const { port, later } = await startFront();
    const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const client = tlsConnect({ socket: raw, ca: certificates.caPem, servername: 'later.edge.test' });
    await once(client, 'secureConnect');
    client.end();
    const served = await later;
    await once(served.resume(), 'end');
    served.end('still here');
    expect(await readText(client)).toBe('still here');
  });

  it.each<[string, ConnectionOptions, string]>([
    ['the tunnel protocol to tunnels', { ALPNProtocols: ['porthole/1'] }, 'tunnel'],
    ['the tunnel protocol under any name', { ALPNProtocols: ['porthole/1'], servername: 'x.edge.test' }, 'tunnel'],
    ["the cluster's name to the API", {}, 'api'],
    ["the cluster's name in any case", { servername: 'EDGE.test' }, 'api'],
    ['another name to visitors', { servername: 'App.edge.test' }, 'visitor app.edge.test'],
    ['TLS 1.2 to visitors', { servername: 'app.edge.test', maxVersion: 'TLSv1.2' }, 'visitor app.edge.test'],
    [
      'visitors who speak HTTP/2, too',
      { servername: 'a.edge.test', ALPNProtocols: ['h2', 'http/1.1'] },
      'visitor a.edge.test',
    ],
  ])('sends %s', async (_, options, answer) => {
    const { port } = await startFront();
    expect(await dial(port, options)).toBe(answer);
  });

  it('offers only HTTP/1.1 to visitors from where HTTP/2 was misused', async () => {
    const { port } = await startFront(undefined, {}, false);
    const offer = { servername: 'a.edge.test', ALPNProtocols: ['h2', 'http/1.1'] };
    const socket = tlsConnect({ port, host: '127.0.0.1', ca: certificates.caPem, ...offer });
    expect(await readText(socket)).toBe('visitor a.edge.test');
    expect(socket.alpnProtocol).toBe('http/1.1');
    await expect(dial(port, { ...offer, ALPNProtocols: ['h2'] })).rejects.toThrow(/no application protocol/);
  });

  it('answers a client without a name with the certificate of the cluster', async () => {
    const { port } = await startFront();
    const options = { servername: '', checkServerIdentity: () => undefined };
    expect(await dial(port, options)).toBe('api');
    const socket = tlsConnect({ port, host: '127.0.0.1', ca: certificates.caPem, ...options });
    await readText(socket.once('secureConnect', () => socket.resume()));
  });

  it('refuses a tunnel below TLS 1.3, versions below 1.2, and protocols that it lacks', async () => {
    const { port, refused } = await startFront();
    expect(await dial(port, { ALPNProtocols: ['porthole/1'], maxVersion: 'TLSv1.2' })).toBe('');
    await expect(
      dial(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }),
    ).rejects.toThrow();
    await expect(dial(port, { servername: 'a.edge.test', ALPNProtocols: ['spdy/3'] })).rejects.toThrow(
      /no application protocol/,
    );
    expect(refused).toHaveLength(3);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes a session of %s', async (version) => {
    const { port } = await startFront();
    const options = { servername: 'app.edge.test', minVersion: version, maxVersion: version };
    const session = await new Promise<Buffer>((resolve) => {
      const socket = tlsConnect({ port, host: '127.0.0.1', ca: certificates.caPem, ...options });
      socket
        .on('session', resolve)
        .on('error', () => {})
        .resume();
    });
    const again = tlsConnect({ port, host: '127.0.0.1', ca: certificates.caPem, ...options, session });
    const reused = new Promise((resolve) => again.once('secureConnect', () => resolve(again.isSessionReused())));
    expect(await readText(again)).toBe('visitor app.edge.test');
    expect(await reused).toBe(true);
  });

  it('tells plain HTTP that this port speaks https', async () => {
    const { port } = await startFront();
    const answer = await send(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('This port speaks https.');
  });

  it('closes garbage without a word and a broken hello with an alert', async () => {
    const { port, refused } = await startFront();
    expect(await send(port, 'SSH-2.0-x\r\n')).toBe('');
    expect(Buffer.from(await send(port, Uint8Array.of(22, 3, 1, 0, 0)), 'latin1')[0]).toBe(21);
    expect(refused).toEqual(['not_tls', 'malformed']);
  });

  it('cuts connections beyond the cap of one source, and takes new ones when others have gone', async () => {
    const { port, admission } = await startFront({ total: 100, perSource: 2 });
    const idle = [connect({ port, host: '127.0.0.1' }), connect({ port, host: '127.0.0.1' })];
    await Promise.all(idle.map((s) => new Promise((resolve) => s.once('connect', resolve))));
    await expect(dial(port)).rejects.toThrow();
    expect(admission.refused).toBe(1);
    const left = new Promise((resolve) => {
      for (const s of idle) s.once('close', resolve);
    });
    idle[0]?.end();
    await left;
    expect(await dial(port)).toBe('api');
    for (const socket of idle) socket.destroy();
  });
});

describe('peekHello', () => {
  /** Runs `peekHello` on the far end of a connection and tells why it refused. */
  async function refusal(client: (socket: Socket) => void, patience = DEFAULT_LIMITS.helloTime): Promise<string> {
    const server: Server = createServer({ allowHalfOpen: true });
    opened.push(server);
    const listened = await listenAt(server, { host: '127.0.0.1', port: 0 });
    if (!listened.ok) throw new Error(listened.error.message);
    return new Promise((resolve) => {
      server.on('connection', (socket) =>
        peekHello(socket, () => resolve('hello'), resolve, { ...DEFAULT_LIMITS, helloTime: patience }),
      );
      const socket = connect({ port: listened.value.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      client(socket);
    });
  }

  it('gives up on a client that stalls in the middle', async () => {
    expect(await refusal((socket) => socket.write(Uint8Array.of(22, 3, 1)), 50)).toBe('timeout');
  });

  it('lets go of a client that leaves', async () => {
    expect(await refusal((socket) => socket.end(Uint8Array.of(22, 3, 1)))).toBe('closed');
  });
});

describe('listenAll', () => {
  it('gives every address that asks for any port the same one', async () => {
    const listened = await listenAll(
      [
        { host: '127.0.0.1', port: 0 },
        { host: '127.0.0.2', port: 0 },
      ],
      () => createServer(),
      false,
    );
    if (!listened.ok) throw new Error(listened.error.message);
    opened.push(...listened.value.servers);
    const [one, two] = listened.value.addresses;
    expect(one?.port).toBe(two?.port);
  });

  it.each<[string, string, boolean, string]>([
    ['an address of another machine', '203.0.113.1', false, 'address_unavailable'],
    ['a name that does not exist', 'nowhere.invalid', false, 'address_unavailable'],
  ])('says why it cannot listen on %s', async (_, host, optional, code) => {
    const listened = await listenAll([{ host, port: 0 }], () => createServer(), optional);
    expect(listened.ok ? '' : listened.error.code).toBe(code);
  });

  it('names the address that is in use, and leaves nothing listening', async () => {
    const taken = createServer();
    const first = await listenAt(taken, { host: '127.0.0.1', port: 0 });
    if (!first.ok) throw new Error(first.error.message);
    opened.push(taken);
    const servers: Server[] = [];
    const listened = await listenAll(
      [{ host: '127.0.0.2', port: 0 }, first.value],
      () => {
        const server = createServer();
        servers.push(server);
        return server;
      },
      false,
    );
    expect(listened.ok ? '' : listened.error.message).toContain(`127.0.0.1:${first.value.port}`);
    expect(servers.map((s) => s.listening)).toEqual([false, false]);
  });
});

describe('sourceOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('counts %s as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
