/** An origin that answers in bytes of our choice. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { markerBody, partsFor, RESPONSE_CASES } from './response-corpus.ts';

/** Milliseconds between two parts of a response: enough for them to arrive one by one. */
const PAUSE = 5;

/**
 * Answers `/ID/marker` in order, and `/ID/N` as case N says. The requests come from proxies that were tested with
 * requests elsewhere, have no bodies, and so end at their empty line.
 */
export async function startOddOrigin(): Promise<{ readonly port: number } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: false, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    void serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}

async function serve(socket: Socket): Promise<void> {
  let text = '';
  try {
    for await (const data of socket as AsyncIterable<Buffer>) {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const [, id = '', what = ''] = /^[A-Z]+ \/([^/ ]+)\/([^ ]+) /.exec(text) ?? [];
        text = text.slice(end + 4);
        await answer(socket, id, what);
      }
    }
  } catch {
    // The proxy broke the connection off, as it should after some of these answers.
  }
}

async function answer(socket: Socket, id: string, what: string): Promise<void> {
  if (what === 'marker') {
    const body = markerBody(id);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return;
  }
  const odd = RESPONSE_CASES[Number(what)];
  if (odd === undefined) throw new Error(`no case ${what}`);
  let first = true;
  for (const part of partsFor(odd, id)) {
    if (!first) await pause(PAUSE);
    first = false;
    socket.write(Buffer.from(part, 'latin1'));
  }
  if (odd.ends) socket.end();
}
