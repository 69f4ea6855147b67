/** The inspector before servers of HTTP/2, over a real edge and agent: read along, sent again, and never in the way. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Inspector } from '../../main/agent/inspect/inspector.ts';
import { directly } from '../../main/agent/proxy-choice.ts';
import type { ExchangeDetail } from '../../shared/contract/inspect.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { selfSigned } from '../support/certificate.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { Laptop, publicUrl } from '../support/laptop.ts';
import { ask } from '../support/visitor.ts';

const SECRET = 'S3CRET-OF-THE-VISITOR';

const edge = new EdgeProcess();
const inspector = new Inspector(systemClock);
const identity = selfSigned();
let laptop: Laptop;
let ca: string;

beforeAll(async () => {
  await edge.start();
  ca = readFileSync(edge.ready.caFile, 'utf8');
  laptop = await Laptop.join(edge, 'test laptop', directly, inspector);
});

afterAll(async () => {
  await laptop[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  inspector.close();
});

/** Serves every request with the digest of its body, in a trailer too; its connections can be ended. */
async function digester(secure: boolean) {
  const server: Http2Server = secure ? createSecureServer(identity) : createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session)).on('error', () => undefined);
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    const hash = createHash('sha256');
    stream.on('data', (part: Buffer) => hash.update(part));
    stream.on('end', () => {
      const digest = hash.digest('hex');
      stream.respond({ ':status': 200, 'content-type': 'text/plain' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-digest': digest }));
      stream.end(digest);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endSessions = async (): Promise<void> => {
    const ended = [...sessions].map((session) => once(session, 'close'));
    for (const session of sessions) session.close();
    await Promise.all(ended);
  };
  return {
    port: (server.address() as AddressInfo).port,
    endSessions,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const session of sessions) session.destroy();
      await once(server, 'close');
    },
  };
}

const detail = async (id: number): Promise<ExchangeDetail> => {
  const got = await inspector.get(id);
  if (!got.ok) throw new Error(got.error.code);
  return got.value;
};

const textOf = (message: { readonly body: { readonly base64: string } } | undefined): string =>
  Buffer.from(message?.body.base64 ?? '', 'base64').toString();

it.each([
  ['plain', false, { http2: true }],
  ['TLS', true, { protocol: 'https' as const }],
])('reads along what goes to a server of HTTP/2 over %s, and sends it again', async (_, secure, target) => {
  await using server = await digester(secure);
  const service = await laptop.publish({ targets: [{ port: server.port, ...target }] });
  inspector.set(service.id, true);
  const seen = () => inspector.list({ serviceId: service.id, limit: 200 });
  const url = `${publicUrl(service)}pay?token=${SECRET}`;
  const headers = { authorization: `Bearer ${SECRET}` };
  const answer = await ask({ url, method: 'POST', body: 'hello', headers, ca });
  const [exchange] = seen().exchanges;
  expect(exchange).toMatchObject({ method: 'POST', status: 200, http2: true, requestBytes: 5, type: 'text/plain' });
  await expect.poll(() => seen().exchanges[0]?.state).toBe('done');
  const shown = await detail(exchange?.id ?? 0);
  expect(JSON.stringify(shown)).not.toContain(SECRET);
  expect(shown.target).toBe(`${secure ? 'https' : 'http'}://localhost:${server.port}`);
  expect([textOf(shown.request), textOf(shown.response)]).toEqual(['hello', answer.text]);
  expect(shown.response?.trailers).toEqual([{ name: 'x-digest', value: answer.text }]);

  const again = await inspector.replay(exchange?.id ?? 0, undefined, laptop.agent.dialOrigin);
  if (!again.ok) throw new Error(again.error.code);
  await expect.poll(async () => (await detail(again.value.id)).summary.state).toBe('done');
  expect((await detail(again.value.id)).response?.trailers).toEqual([{ name: 'x-digest', value: answer.text }]);
  inspector.set(service.id, false);
});

it('is never in the way: many bodies at once arrive as they were sent', async () => {
  await using server = await digester(true);
  const service = await laptop.publish({ targets: [{ port: server.port, protocol: 'https' }] });
  inspector.set(service.id, true);
  const bodies = Array.from({ length: 20 }, () => randomBytes(1_500_000));
  const answers = await Promise.all(
    bodies.map((body) => ask({ url: publicUrl(service).href, method: 'PUT', body, ca })),
  );
  expect(answers.map(({ text }) => text)).toEqual(
    bodies.map((body) => createHash('sha256').update(body).digest('hex')),
  );
  const { exchanges } = inspector.list({ serviceId: service.id, limit: 200 });
  expect(exchanges.map(({ requestBytes, status }) => [requestBytes, status])).toEqual(
    bodies.map(() => [1_500_000, 200]),
  );
  const whole = await detail(exchanges[0]?.id ?? 0);
  expect(whole.request.body).toMatchObject({ size: 1_500_000, cut: true });
});

it('counts connections that were open before, and reads those that come after', async () => {
  await using server = await digester(false);
  const service = await laptop.publish({ targets: [{ port: server.port, http2: true }] });
  const visit = () => ask({ url: publicUrl(service).href, ca });
  const seen = () => inspector.list({ serviceId: service.id, limit: 200 });
  await visit();
  inspector.set(service.id, true);
  expect(seen().before).toEqual([{ serviceId: service.id, connections: 1 }]);
  await visit();
  expect(seen().exchanges).toEqual([]);
  await server.endSessions();
  await expect.poll(() => seen().before).toEqual([]);
  await visit();
  expect(seen().exchanges).toMatchObject([{ status: 200 }]);
  inspector.set(service.id, false);
  inspector.set(service.id, true);
  expect(seen().before).toEqual([{ serviceId: service.id, connections: 1 }]);
});

it('counts none whose server cannot be reached', async () => {
  const server = await digester(false);
  const service = await laptop.publish({ targets: [{ port: server.port, http2: true }] });
  await server[Symbol.asyncDispose]();
  expect((await ask({ url: publicUrl(service).href, ca })).status).toBe(502);
  inspector.set(service.id, true);
  expect(inspector.list({ limit: 1 }).before.map(({ serviceId }) => serviceId)).not.toContain(service.id);
});

it('shows a call of gRPC with its outcome', async () => {
  const path = '/shop.Orders/Get';
  const text = (value: string): Buffer => Buffer.from(value);
  const parts = {
    requestSerialize: text,
    requestDeserialize: String,
    responseSerialize: text,
    responseDeserialize: String,
  };
  const server = new grpc.Server();
  server.addService(
    { get: { path, requestStream: false, responseStream: false, ...parts } },
    {
      get: (_call: unknown, done: grpc.sendUnaryData<string>) =>
        done({ code: grpc.status.NOT_FOUND, details: 'no order 17' }),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const service = await laptop.publish({ targets: [{ port, http2: true }] });
  inspector.set(service.id, true);
  const { hostname, port: publicPort } = publicUrl(service);
  const client = new grpc.Client(`127.0.0.1:${publicPort}`, grpc.credentials.createSsl(Buffer.from(ca)), {
    'grpc.ssl_target_name_override': hostname,
    'grpc.default_authority': hostname,
  });
  const call = new Promise<grpc.ServiceError | null>((resolve) => {
    client.makeUnaryRequest(path, text, String, 'order 17', (error) => resolve(error));
  });
  expect((await call)?.code).toBe(grpc.status.NOT_FOUND);
  const [exchange] = inspector.list({ serviceId: service.id, limit: 1 }).exchanges;
  expect(exchange).toMatchObject({ method: 'POST', path, status: 200, type: 'application/grpc+proto', http2: true });
  const { request, response } = await detail(exchange?.id ?? 0);
  expect(textOf(request).slice(5)).toBe('order 17');
  expect([...(response?.headers ?? []), ...(response?.trailers ?? [])]).toEqual(
    expect.arrayContaining([
      { name: 'grpc-status', value: '5' },
      { name: 'grpc-message', value: 'no%20order%2017' },
    ]),
  );
  client.close();
  server.forceShutdown();
});
