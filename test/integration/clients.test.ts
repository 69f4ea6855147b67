/** The clients that people use, through a real edge: curl, wrk, h2load, a browser, a mail client. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { chromium } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { program } from '../differential/peers.ts';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../support/chromium.ts';
import { dial, echo, tcpOrigin, Up, untilGone } from '../support/direct.ts';
import { askPlain, EMBEDDED, joinEdge, linkLaptop, publish, type RunningEdge, startEdge } from './edge-stand.ts';

const HOST = 'clients.localhost';
const LARGE = 16 * 1024 * 1024;
/** Milliseconds that a browser may take for a step on a machine that has much else to do. */
const SLOW = 120_000;

let dir: string;
let file: string;
let sha256: string;
let edge: RunningEdge;
let stop: () => Promise<void>;
/** Server-sent events that the app was told of, and the way to send one. */
const listeners = new Set<ServerResponse>();

beforeAll(async () => {
  await using cleanup = new AsyncDisposableStack();
  dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-clients-'));
  cleanup.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  file = path.join(dir, 'large');
  writeFileSync(file, randomBytes(LARGE));
  sha256 = await hashOf(createReadStream(file));
  const app = http.createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  cleanup.defer(() => {
    app.close();
    app.closeAllConnections();
  });
  const sockets = new WebSocketServer({ noServer: true });
  app.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (visitor) =>
      visitor.on('message', (data) => visitor.send(`heard ${String(data)}`)),
    );
  });
  edge = cleanup.use(await startEdge(path.join(dir, 'edge'), EMBEDDED));
  const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  await linkLaptop(edge, joined);
  await publish(edge, joined, 'clients', [{ port: (app.address() as AddressInfo).port }]);
  while ((await askPlain(edge.ready.httpPort ?? 0, HOST)).status !== 200);
  const running = cleanup.move();
  stop = () => running.disposeAsync();
});

afterAll(() => stop());

async function hashOf(body: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

/** A file with ranges, a place for uploads, events, and a page that uses it all. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST' || request.method === 'PUT') response.end(await hashOf(request));
  else if (request.url === '/large') await sendFile(request, response);
  else if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    listeners.add(response);
    response.on('close', () => listeners.delete(response));
  } else if (request.url === '/say') {
    for (const listener of listeners) listener.write('data: said\n\n');
    response.end(String(listeners.size));
  } else response.setHeader('content-type', 'text/html').end(PAGE);
}

async function sendFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [start, end] = range === null ? [0, LARGE - 1] : [Number(range[1]), Number(range[2])];
  response.writeHead(range === null ? 200 : 206, {
    'content-length': end - start + 1,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end}/${LARGE}` }),
  });
  await pipeline(createReadStream(file, { start, end }), response);
}

const PAGE = `<!doctype html><title>clients</title><script>
const result = {};
const events = new EventSource('/events');
const event = new Promise((resolve) => { events.onmessage = (e) => resolve(e.data); });
const opened = new Promise((resolve) => { events.onopen = resolve; });
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket');
const heard = new Promise((resolve, reject) => { socket.onmessage = (e) => resolve(e.data); socket.onerror = reject; });
socket.onopen = () => socket.send('hello');
(async () => {
  const body = new Blob([new Uint8Array(3_000_000).fill(7)]);
  result.upload = await (await fetch('/upload', { method: 'POST', body })).text();
  await opened;
  await fetch('/say');
  result.event = await event;
  result.socket = await heard;
  result.protocol = performance.getEntriesByType('navigation')[0].nextHopProtocol;
  return result;
})().then((value) => { window.result = value; }, (error) => { window.result = { error: String(error) }; });
</script>`;

async function curl(...args: readonly string[]): Promise<string> {
  const at = ['--resolve', `${HOST}:${edge.ready.httpsPort}:127.0.0.1`, '-k', '-sS', '--max-time', '50'];
  const { stdout } = await promisify(execFile)(program('curl', 'curl'), [...at, ...args], { maxBuffer: 1 << 24 });
  return stdout;
}
const url = (where: string): string => `https://${HOST}:${edge.ready.httpsPort}${where}`;

describe.each(['--http1.1', '--http2'])('curl %s', (version) => {
  it('downloads and uploads what arrives unchanged', async () => {
    const to = path.join(dir, `down${version}`);
    await curl(version, '-o', to, url('/large'));
    expect(await hashOf(createReadStream(to))).toBe(sha256);
    expect(await curl(version, '-T', file, url('/up'))).toBe(sha256);
    // Without a length: chunks, or a stream that just ends.
    expect(
      await curl(version, '-X', 'POST', '-H', 'Transfer-Encoding: chunked', '--data-binary', `@${file}`, url('/up')),
    ).toBe(sha256);
  });

  it('sends its body when it is asked to go on', async () => {
    expect(await curl(version, '-H', 'Expect: 100-continue', '--expect100-timeout', '40', '-T', file, url('/up'))).toBe(
      sha256,
    );
  });

  it('gets the range that it wants', async () => {
    const out = path.join(dir, `range${version}`);
    const status = await curl(version, '-r', '1000000-1999999', '-o', out, '-w', '%{http_code}', url('/large'));
    expect(status).toBe('206');
    expect(readFileSync(out).equals(readFileSync(file).subarray(1_000_000, 2_000_000))).toBe(true);
  });

  it('hears of an event when it happens', async () => {
    const args = ['--resolve', `${HOST}:${edge.ready.httpsPort}:127.0.0.1`, '-k', '-sS', '-N', version, url('/events')];
    const child: ChildProcess = spawn(program('curl', 'curl'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = child;
    if (stdout === null) throw new Error('no output');
    const heard = Promise.withResolvers<string>();
    createInterface(stdout).once('line', heard.resolve);
    // Whoever listened before may still be counted, so it is said until this one has heard it.
    const saying = new AbortController();
    const said = (async () => {
      while (!saying.signal.aborted) await curl(url('/say'));
    })();
    expect(await heard.promise).toBe('data: said');
    saying.abort();
    await said;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
});

it('serves wrk without an error', async () => {
  // It counts what takes longer than its timeout as an error: that bound is not the edge's.
  const where = ['-H', `Host: ${HOST}`, `http://127.0.0.1:${edge.ready.httpPort}/`];
  const args = ['-t2', '-c32', '-d5s', '--timeout', '40s', ...where];
  const { stdout } = await promisify(execFile)(program('wrk', 'wrk'), args);
  expect(stdout).not.toMatch(/Non-2xx|Socket errors/);
  expect(Number(/(\d+) requests in/.exec(stdout)?.[1])).toBeGreaterThan(500);
});

it('serves h2load without an error', async () => {
  const args = ['-n2000', '-c8', '-m10', `--connect-to=127.0.0.1:${edge.ready.httpsPort}`, url('/')];
  const { stdout } = await promisify(execFile)(program('h2load', 'nghttp2-client'), args);
  expect(stdout).toContain('2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout');
  expect(stdout).toContain('Application protocol: h2');
});

it('serves a page in a browser: upload, events and a WebSocket beside it', { timeout: 180_000 }, async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGS], timeout: SLOW });
  try {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    page.setDefaultTimeout(SLOW);
    await page.goto(url('/'));
    await page.waitForFunction('window.result !== undefined');
    expect(await page.evaluate('window.result')).toEqual({
      upload: createHash('sha256').update(Buffer.alloc(3_000_000, 7)).digest('hex'),
      event: 'said',
      socket: 'heard hello',
      protocol: 'h2',
    });
  } finally {
    await browser.close();
  }
});

it('carries a mail from curl to a server that speaks first', async () => {
  const mail = Promise.withResolvers<string>();
  await using server = await tcpOrigin((socket) => {
    socket.write('220 mail.test ESMTP\r\n');
    let body: string | undefined;
    const lines = createInterface(socket);
    // A reset of the visitor's, once all is said.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      if (body !== undefined && line !== '.') body += `${line}\n`;
      else if (body !== undefined) {
        mail.resolve(body);
        body = undefined;
        socket.write('250 taken\r\n');
      } else if (line === 'DATA') {
        body = '';
        socket.write('354 go on\r\n');
      } else if (line === 'QUIT') socket.end('221 bye\r\n');
      else socket.write('250 fine\r\n');
    });
  });
  await using up = await Up.start();
  const service = await up.add(server.port, ['--protocol', 'tcp', '--name', 'mail']);
  const letter = path.join(dir, 'letter');
  writeFileSync(letter, 'Subject: hello\r\n\r\nFrom behind a tunnel.\r\n');
  await curl(
    `smtp://127.0.0.1:${service.port}`,
    '--mail-from',
    'a@mail.test',
    '--mail-rcpt',
    'b@mail.test',
    '-T',
    letter,
  );
  expect(await mail.promise).toBe('Subject: hello\n\nFrom behind a tunnel.\n');
});

it('keeps a session like one of ssh as long as either side says a word in time, and ends it afterwards', async () => {
  await using server = await tcpOrigin(echo);
  await using up = await Up.start();
  const service = await up.add(server.port, ['--protocol', 'tcp', '--name', 'shell', '--idle-timeout', '5s']);
  const visitor = await dial(service.port);
  const started = performance.now();
  // Twice the idle time, never silent for all of it, not even on a machine that stands still for some seconds.
  for (let word = 0; word < 9; word++) {
    visitor.write(`word ${word}`);
    expect(String((await once(visitor, 'data'))[0])).toBe(`word ${word}`);
    await pause(1_200);
  }
  expect(performance.now() - started).toBeGreaterThan(10_000);
  expect((await untilGone(visitor)).received.length).toBe(0);
});
