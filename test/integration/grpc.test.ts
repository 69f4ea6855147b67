/** gRPC by its own library on both ends, through a real edge and agent; and other real programs that speak HTTP/2. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NewTarget, ServiceView } from '../../shared/contract/control-api.ts';
import { selfSigned } from '../support/certificate.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { Laptop, publicUrl } from '../support/laptop.ts';

const edge = new EdgeProcess();
let ca: Buffer;
let laptop: Laptop;

beforeAll(async () => {
  await edge.start();
  ca = readFileSync(edge.ready.caFile);
  laptop = await Laptop.join(edge);
});

afterAll(async () => {
  await laptop[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

const text = (value: string): Buffer => Buffer.from(value);
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: text,
  requestDeserialize: String,
  responseSerialize: text,
  responseDeserialize: String,
});
const ECHO = {
  unary: method('Unary', false, false),
  server: method('Server', false, true),
  client: method('Client', true, false),
  both: method('Both', true, true),
};

/** Echoes in every way that gRPC has; `unary` answers with what its first word asks for. */
const service = {
  unary(call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>): void {
    const trailers = new grpc.Metadata();
    trailers.set('x-last', 'word');
    if (call.request === 'fail') done({ code: grpc.status.NOT_FOUND, details: 'not here: ä', metadata: trailers });
    else if (call.request !== 'hang') done(null, `${call.request} ${call.metadata.get('x-own')}`, trailers);
  },
  server(call: grpc.ServerWritableStream<string, string>): void {
    for (let i = 0; i < 100; i++) call.write(`${call.request} ${i} ${'x'.repeat(1000)}`);
    call.end();
  },
  client(call: grpc.ServerReadableStream<string, string>, done: grpc.sendUnaryData<string>): void {
    let bytes = 0;
    call.on('data', (message: string) => {
      bytes += message.length;
    });
    call.on('end', () => done(null, String(bytes)));
  },
  both(call: grpc.ServerDuplexStream<string, string>): void {
    call.on('data', (message: string) => call.write(`<${message}>`));
    call.on('end', () => call.end());
  },
};

async function echoServer(credentials: grpc.ServerCredentials) {
  const server = new grpc.Server();
  server.addService(ECHO, service);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  return { port, [Symbol.dispose]: () => server.forceShutdown() };
}

function clientOf(published: ServiceView) {
  const { hostname, port } = publicUrl(published);
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(ca), {
    'grpc.ssl_target_name_override': hostname,
    'grpc.default_authority': hostname,
  });
  const own = new grpc.Metadata();
  own.set('x-own', 'mine');
  return {
    unary: (request: string, options: grpc.CallOptions = {}) =>
      new Promise<{ value: string | undefined; error: grpc.ServiceError | null; last: unknown }>((resolve) => {
        let outcome: [grpc.ServiceError | null, string | undefined] = [null, undefined];
        const call = client.makeUnaryRequest(ECHO.unary.path, text, String, request, own, options, (error, value) => {
          outcome = [error, value];
        });
        call.on('status', ({ metadata }) =>
          setImmediate(() => resolve({ error: outcome[0], value: outcome[1], last: metadata.get('x-last')[0] })),
        );
      }),
    server: (request: string) => client.makeServerStreamRequest(ECHO.server.path, text, String, request),
    client: (done: (error: grpc.ServiceError | null, value?: string) => void) =>
      client.makeClientStreamRequest(ECHO.client.path, text, String, done),
    both: () => client.makeBidiStreamRequest(ECHO.both.path, text, String),
    [Symbol.dispose]: () => client.close(),
  };
}

const identity = selfSigned();
const tls = () =>
  grpc.ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(identity.key), cert_chain: Buffer.from(identity.cert) },
  ]);

it.each<[string, () => grpc.ServerCredentials, Omit<NewTarget, 'port'>]>([
  ['without TLS, which its user has to say', () => grpc.ServerCredentials.createInsecure(), { http2: true }],
  ['over TLS, which is found out', tls, { protocol: 'https' }],
])('carries gRPC to a server %s', async (_, credentials, target) => {
  using server = await echoServer(credentials());
  const published = await laptop.publish({ targets: [{ port: server.port, ...target }] });
  using client = clientOf(published);
  expect(await client.unary('hello')).toEqual({ value: 'hello mine', error: null, last: 'word' });
  const { error } = await client.unary('fail');
  expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'not here: ä' });
  const late = await client.unary('hang', { deadline: Date.now() + 300 });
  expect(late.error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
  let count = 0;
  for await (const message of client.server('n')) {
    expect(String(message).startsWith(`n ${count} x`)).toBe(true);
    count++;
  }
  expect(count).toBe(100);
  const summed = new Promise((resolve) => {
    const call = client.client((failed, value) => resolve(failed ?? value));
    for (let i = 0; i < 200; i++) call.write('y'.repeat(10_000));
    call.end();
  });
  expect(await summed).toBe('2000000');
  const call = client.both();
  for (const word of ['one', 'two', 'three']) {
    call.write(word);
    expect(await once(call, 'data')).toEqual([`<${word}>`]);
  }
  const over = once(call, 'status');
  call.end();
  call.resume();
  expect((await over)[0]).toMatchObject({ code: grpc.status.OK });
});

it('tells a gRPC client that its server is not there', async () => {
  const server = await echoServer(grpc.ServerCredentials.createInsecure());
  const published = await laptop.publish({ targets: [{ port: server.port, http2: true }] });
  server[Symbol.dispose]();
  using client = clientOf(published);
  expect((await client.unary('hello')).error?.code).toBe(grpc.status.UNAVAILABLE);
});

/**
 * nginx on a Unix socket of its own, spoken to as `options` say, which answers with what it was asked in. It reads all
 * of a request first, for itself to answer: curl 7 may wait for ever where an answer comes in the middle of its upload.
 */
async function nginx(options: string) {
  const folder = mkdtempSync(join(tmpdir(), 'porthole-nginx-'));
  const path = join(folder, 'nginx.sock');
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const conf = `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
    events {} http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder};
    fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
    server { listen unix:${path} ${options};
      ssl_certificate ${file('cert.pem', identity.cert)}; ssl_certificate_key ${file('key.pem', identity.key)};
      location / { proxy_pass http://unix:${path}.own; proxy_set_header X-Protocol $server_protocol; } }
    server { listen unix:${path}.own; location / { return 200 "$http_x_protocol $request_method $uri"; } } }`;
  const child = spawn('nginx', ['-p', folder, '-c', file('nginx.conf', conf)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  await expect.poll(() => accepts(path), { timeout: 20_000 }).toBe(true);
  return {
    path,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const accepts = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });

it.each<[string, string, Omit<NewTarget, 'port'>, string]>([
  ['h2c', 'http2', { http2: true }, 'HTTP/2.0'],
  ['TLS with HTTP/2', 'ssl http2', { protocol: 'https' }, 'HTTP/2.0'],
  ['TLS with HTTP/2 that nobody wants', 'ssl http2', { protocol: 'https', http2: false }, 'HTTP/1.1'],
  ['TLS with HTTP/1.1', 'ssl', { protocol: 'https' }, 'HTTP/1.1'],
])('reaches an nginx that speaks %s, for curl in every version', async (_, options, target, version) => {
  await using server = await nginx(options);
  const published = await laptop.publish({ targets: [{ type: 'unix', host: server.path, port: 0, ...target }] });
  const url = publicUrl(published);
  const curl = async (...args: string[]): Promise<string> => {
    const at = ['--resolve', `${url.hostname}:${url.port}:127.0.0.1`, '--cacert', edge.ready.caFile];
    return (await promisify(execFile)('curl', ['-sS', '-m', '60', ...at, ...args, `${url.origin}/x`])).stdout;
  };
  expect(await curl('--http2')).toBe(`${version} GET /x`);
  expect(await curl('--http1.1')).toBe(`${version} GET /x`);
  expect(await curl('--http2', '-d', 'small')).toBe(`${version} POST /x`);
  expect(await curl('--http1.1', '-I')).toContain('HTTP/1.1 200');
});
