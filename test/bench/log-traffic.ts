/** Requests for the access log to hold: many at once, or so many a second. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';

const CONNECTIONS = 32;
/** Requests of one connection that wait for their answers. */
const PIPELINED = 8;
const ANSWER = Buffer.from('HTTP/1.1 ');

/** The paths that are asked for, in turns; `/missing` is not there. */
const PATHS = ['/', '/api/orders', '/assets/index.js', '/missing', '/favicon.ico', '/api/boats?berth=7'];
export const MISSING = '/missing';
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36';

/** A server that answers at once: 404 for what is missing. */
export async function startQuick(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((request, response) => {
    response.statusCode = request.url?.startsWith(MISSING) === true ? 404 : 200;
    response.end('ok');
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    // A listening TCP server has an `AddressInfo`.
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const requestOf = (host: string, target: string): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${AGENT}\r\n\r\n`;

/** Where a service is asked for over plain HTTP. */
export interface Door {
  readonly port: number;
  readonly host: string;
}

/** Sends `count` requests as fast as they are answered; the path of request `n` is `pathOf(n)`. */
export async function ask({ port, host }: Door, count: number, pathOf = pathAt): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    let waiting = 0;
    let tail = Buffer.alloc(0);
    const send = (): void => {
      let text = '';
      for (; waiting < PIPELINED && next < count; waiting++) text += requestOf(host, pathOf(next++));
      if (text !== '') socket.write(text);
      else if (waiting === 0) socket.end();
    };
    socket.on('data', (bytes: Buffer) => {
      const text = Buffer.concat([tail, bytes]);
      for (let at = text.indexOf(ANSWER); at !== -1; at = text.indexOf(ANSWER, at + 1)) waiting--;
      tail = Buffer.from(text.subarray(-(ANSWER.length - 1)));
      if (waiting === 0) send();
    });
    send();
    await once(socket, 'close');
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

const pathAt = (n: number): string => `${PATHS[n % PATHS.length] ?? '/'}${n % 3 === 0 ? `?n=${n}` : ''}`;

/** Sends about `rate` requests a second until it is disposed of. */
export function trickle(door: Door, rate: number): AsyncDisposable {
  const ticks = 20;
  let running: Promise<void> = Promise.resolve();
  let sent = 0;
  const timer = setInterval(() => {
    const from = sent;
    sent += rate / ticks;
    running = running.then(() => ask(door, rate / ticks, (n) => pathAt(from + n)));
  }, 1000 / ticks);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
