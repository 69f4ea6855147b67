/**
 * A visitor: plain HTTP and https requests to `NAME.localhost` at a loopback port. Many systems' resolvers don't know
 * names under `localhost` (browsers and curl do), so the address is dialled and the name sent.
 */
import { createHash } from 'node:crypto';
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocket } from 'ws';

export interface Visit {
  /** A public URL as Porthole prints it. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer | Readable;
  /** The private CA to trust, in PEM. */
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Sends a request and returns the response as soon as its head is there. */
export async function open(visit: Visit): Promise<IncomingMessage> {
  const url = new URL(visit.url);
  const options = {
    host: '127.0.0.1',
    port: url.port,
    path: url.pathname + url.search,
    method: visit.method ?? 'GET',
    headers: { host: url.host, ...visit.headers },
    agent: false as const,
  };
  const request =
    url.protocol === 'https:'
      ? https.request({ ...options, servername: url.hostname, ca: visit.ca })
      : http.request(options);
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  if (visit.body === undefined || typeof visit.body === 'string' || Buffer.isBuffer(visit.body))
    request.end(visit.body);
  else void pipeline(visit.body, request).catch(() => {});
  return await response;
}

/** Sends a request and reads the whole response as text. */
export async function ask(visit: Visit): Promise<Answer> {
  const response = await open(visit);
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

/** SHA-256 and length of a body, read to its end. */
export async function digest(body: Readable): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Opens a WebSocket to a public URL. */
export function socket(publicUrl: string, protocols: readonly string[] = []): WebSocket {
  const url = new URL(publicUrl);
  return new WebSocket(`ws://127.0.0.1:${url.port}${url.pathname}${url.search}`, [...protocols], {
    headers: { host: url.host },
    origin: url.origin,
  });
}
