/** What a developer does with it, over real processes: `porthole expose` with the embedded edge. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createServer as createVite } from 'vite';
import { expect, it } from 'vitest';
import { type CliProcess, type Home, peakResident, processesOf, startCli, temporaryHome } from '../support/cli.ts';
import { ask, digest, open, socket } from '../support/visitor.ts';

interface Exposed {
  readonly name: string;
  readonly url: string;
}

async function origin(listener: RequestListener) {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function expose(home: Home, port: number): Promise<{ readonly cli: CliProcess; readonly url: string }> {
  const cli = startCli(home, ['expose', String(port), '--json']);
  const first = (await cli.line()) as unknown as Exposed;
  return { cli, url: first.url };
}

/** The edge child of a running command: the one process of `dir` that runs the edge's entry. */
function edgePid(home: Home, cliPid: number): number {
  const isEdge = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--embedded');
  const pid = processesOf(home.dir).find((p) => p !== cliPid && isEdge(p));
  if (pid === undefined) throw new Error('no edge process');
  return pid;
}

it('publishes a Vite dev server with hot reload', async () => {
  await using home = temporaryHome();
  const project = path.join(home.dir, 'site');
  mkdirSync(project);
  writeFileSync(path.join(project, 'index.html'), '<script type="module" src="/main.js"></script>');
  writeFileSync(path.join(project, 'main.js'), 'import.meta.hot?.accept(); console.log("one");');
  const vite = await createVite({
    root: project,
    configFile: false,
    logLevel: 'silent',
    cacheDir: path.join(home.dir, 'cache'),
    server: { port: 0, host: '127.0.0.1', watch: { usePolling: true, interval: 50 } },
  });
  await vite.listen();
  try {
    const port = Number(new URL(vite.resolvedUrls?.local[0] ?? '').port);
    const { cli, url } = await expose(home, port);
    await using _ = cli;
    const page = await ask({ url, headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(page.text).toContain('/@vite/client');
    expect((await ask({ url: `${url}/main.js` })).text).toContain('"one"');

    const token = vite.config.webSocketToken;
    const hot = socket(`${url}/?token=${token}`, ['vite-hmr']);
    const messages: { type: string }[] = [];
    const arrived = Promise.withResolvers<void>();
    hot.on('message', (data) => {
      messages.push(JSON.parse(String(data)) as { type: string });
      if (messages.some((m) => m.type === 'update')) arrived.resolve();
    });
    hot.once('error', (error) => arrived.reject(error));
    await once(hot, 'open');
    // What is written before Vite looks at the file for the first time is no change to it.
    await expect.poll(() => vite.watcher.getWatched()[project]).toContain('main.js');
    writeFileSync(path.join(project, 'main.js'), 'import.meta.hot?.accept(); console.log("two");');
    await arrived.promise;
    expect(messages[0]?.type).toBe('connected');
    expect((await ask({ url: `${url}/main.js?t=1` })).text).toContain('"two"');
    hot.close();
    await once(hot, 'close');
  } finally {
    await vite.close();
  }
});

it('streams server-sent events as they happen', async () => {
  const steps: Array<() => void> = [];
  await using app = await origin((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let n = 0;
    steps.push(() => response.write(`data: ${++n}\n\n`));
    response.flushHeaders();
  });
  await using home = temporaryHome();
  const { cli, url } = await expose(home, app.port);
  await using _ = cli;
  const response = await open({ url });
  expect(response.headers['content-type']).toBe('text/event-stream');
  for (let n = 1; n <= 20; n++) {
    const next = once(response, 'data');
    steps[0]?.();
    expect(String((await next)[0])).toBe(`data: ${n}\n\n`);
  }
  response.destroy();
});

it('carries a gibibyte up and down without growing', async () => {
  const size = 1024 ** 3;
  const block = randomBytes(1024 * 1024);
  const blocks = function* () {
    for (let sent = 0; sent < size; sent += block.length) yield block;
  };
  const expected = createHash('sha256');
  for (const chunk of blocks()) expected.update(chunk);
  const sha256 = expected.digest('hex');
  await using app = await origin(async (request, response) => {
    if (request.method === 'POST') {
      response.end(JSON.stringify(await digest(request)));
      return;
    }
    response.writeHead(200, { 'content-length': size });
    Readable.from(blocks()).pipe(response);
  });
  await using home = temporaryHome();
  const { cli, url } = await expose(home, app.port);
  await using _ = cli;
  const agent = cli.child.pid ?? 0;
  // Code takes 40 MB more from sources than from the bundle; what is carried takes the same.
  const peaks = () => [edgePid(home, agent), agent].map((pid) => peakResident(pid) / 1e6);
  const before = peaks();

  expect(await digest(await open({ url }))).toEqual({ sha256, bytes: size });
  const up = await ask({ url, method: 'POST', body: Readable.from(blocks()) });
  expect(JSON.parse(up.text)).toEqual({ sha256, bytes: size });
  for (const [n, peak] of peaks().entries()) expect(peak - (before[n] ?? 0)).toBeLessThan(60);
}, 300_000);

it('says who broke when the cable is pulled, and comes back', async () => {
  const reached = Promise.withResolvers<void>();
  await using app = await origin((request, response) => {
    if (request.url === '/slow') {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('partial');
      reached.resolve();
    } else response.end('fine');
  });
  await using home = temporaryHome();
  const { cli, url } = await expose(home, app.port);
  await using _ = cli;
  const cut = await open({ url: `${url}/slow` });
  await reached.promise;
  process.kill(edgePid(home, cli.child.pid ?? 0), 'SIGKILL');
  await expect(digest(cut)).rejects.toThrow();

  const status = (): Promise<number> =>
    ask({ url }).then(
      (answer) => answer.status,
      () => 0,
    );
  await expect.poll(status, { timeout: 40_000 }).toBe(200);
});

it('leaves nothing behind after Ctrl+C or kill -9', async () => {
  await using app = await origin((_, response) => response.end('fine'));
  await using home = temporaryHome();
  const first = await expose(home, app.port);
  expect((await ask({ url: first.url })).text).toBe('fine');
  first.cli.child.kill('SIGINT');
  expect(await first.cli.ended()).toBe(0);
  expect(processesOf(home.dir)).toEqual([]);

  const second = await expose(home, app.port);
  expect(edgePid(home, second.cli.child.pid ?? 0)).toBeGreaterThan(0);
  second.cli.child.kill('SIGKILL');
  await second.cli.ended();
  await expect.poll(() => processesOf(home.dir), { timeout: 30_000 }).toEqual([]);
});
