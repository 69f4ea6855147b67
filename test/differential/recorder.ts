/** An origin that remembers what it was asked, and says so in its answers: Node's own reading of every request. */
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as an origin understood it. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  /** Latin-1. */
  readonly body: string;
}

export interface Recorder extends AsyncDisposable {
  readonly port: number;
  /** Whole requests whose target or `X-Id` names the trial. */
  of(id: string): readonly Asked[];
}

/** The field of an answer in which the recorder says what it was asked. */
export const ECHO = 'x-asked';

/** Starts it on any loopback port. */
export async function startRecorder(): Promise<Recorder> {
  const seen: Asked[] = [];
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const asked = toAsked(request, Buffer.concat(chunks).toString('latin1'));
      seen.push(asked);
      response.setHeader(ECHO, Buffer.from(JSON.stringify(asked)).toString('base64'));
      response.end('ok\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    of: (id) => seen.filter((asked) => asked.target.includes(id)),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const toAsked = ({ method, url }: IncomingMessage, body: string): Asked => ({
  method: method ?? '',
  // Whether it was sent with its authority says nothing about where a message ends.
  target: (url ?? '').replace(/^https?:\/\/[^/?]*/i, ''),
  body: body.length > 300 ? `${body.slice(0, 300)}… (${body.length})` : body,
});
