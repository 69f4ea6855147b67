import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ControlClient, createControlClient, STREAM_SILENCE } from '../../../main/agent/control-client.ts';
import type { ServiceView, WatchEvent } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { selfSigned } from '../../support/certificate.ts';

const identity = selfSigned();
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface Edge {
  readonly client: ControlClient;
  readonly server: Server;
  readonly sockets: Socket[];
}

/** An edge that answers with `handler`, and a client that trusts it. */
async function edge(handler: Handler): Promise<Edge> {
  const server = createServer(identity, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    handler(request, response, body);
  });
  // No connection is closed for having rested, however long the machine stands still.
  server.keepAliveTimeout = 0;
  const sockets: Socket[] = [];
  server.on('secureConnection', (socket: Socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = createControlClient({
    address: { host: '127.0.0.1', port, domain: 'localhost' },
    trust: { caPem: identity.cert },
    credential: 'pha_secret',
  });
  ends.push(() => {
    client.close();
    server.close();
    server.closeAllConnections();
  });
  return { client, server, sockets };
}

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};

const service: ServiceView = {
  id: 's1',
  name: 'shop',
  mode: 'http',
  domain: 'shop.localhost',
  targets: [
    {
      id: 't1',
      agentId: 'a1',
      type: 'agent',
      host: 'localhost',
      port: 3000,
      protocol: 'http',
      path: '/',
      enabled: true,
      skipTlsVerify: false,
      connectTimeout: 10_000,
    },
  ],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a1',
  createdAt: 1,
  status: 'active',
  urls: { https: 'https://shop.localhost:8443' },
};

describe('a call', () => {
  it('carries the credential and the cluster name, and yields the parsed reply', async () => {
    const seen: unknown[] = [];
    const { client } = await edge((request, response, body) => {
      const { authorization, host } = request.headers;
      seen.push([request.method, request.url, authorization, host?.split(':')[0], body]);
      json(response, request.method === 'GET' ? [service] : service, request.method === 'POST' ? 201 : 200);
    });
    expect(await client.services()).toEqual({ ok: true, value: [service] });
    expect(await client.createService({ targets: [{ port: 3000 }] })).toEqual({ ok: true, value: service });
    expect(await client.updateService('s/1', { enabled: false })).toEqual({ ok: true, value: service });
    expect(seen).toEqual([
      ['GET', '/api/v1/services', 'Bearer pha_secret', 'localhost', ''],
      ['POST', '/api/v1/services', 'Bearer pha_secret', 'localhost', '{"targets":[{"port":3000}]}'],
      ['PATCH', '/api/v1/services/s%2F1', 'Bearer pha_secret', 'localhost', '{"enabled":false}'],
    ]);
  });

  it('yields nothing for a reply without a body', async () => {
    const { client } = await edge((_, response) => void response.writeHead(204).end());
    expect(await client.removeService('s1')).toEqual({ ok: true, value: null });
    expect(await client.putTargets({ problems: [] })).toEqual({ ok: true, value: null });
  });

  it('writes a log query as the contract spells it', async () => {
    const urls: (string | undefined)[] = [];
    const { client } = await edge((request, response) => {
      urls.push(request.url);
      json(response, { records: [] });
    });
    await client.logs({});
    await client.logs({ service: ['a', 'b'], text: 'x&y', limit: 5 });
    expect(urls).toEqual(['/api/v1/logs', '/api/v1/logs?service=a&service=b&text=x%26y&limit=5']);
  });

  it('fails with what the edge refused with, its words made safe for a terminal', async () => {
    const taken = failure('domain_taken', { domain: 'shop.localhost', owner: 'a\u001b[2Jb' });
    const { client } = await edge((_, response) => json(response, { error: { ...taken, field: 'subdomain' } }, 409));
    const reply = await client.createService({ targets: [{ port: 1 }] });
    expect(reply).toMatchObject({ ok: false, error: { code: 'domain_taken', field: 'subdomain' } });
    expect(reply.ok ? '' : reply.error.message).toContain('"a [2Jb"');
  });

  it.each<[string, Handler]>([
    ['a page', (_, response) => void response.writeHead(200).end('<html>')],
    ['JSON of another shape', (_, response) => json(response, [{ id: 's1' }])],
    ['an error without a failure', (_, response) => void response.writeHead(404).end('not found')],
    ['a failure of an unknown code', (_, response) => json(response, { error: { code: 'x', message: 'y' } }, 400)],
    ['a redirect', (_, response) => void response.writeHead(302, { location: 'https://example.com' }).end()],
  ])('fails with edge_odd on %s', async (_, handler) => {
    const { client } = await edge(handler);
    const reply = await client.services();
    expect(reply.ok ? '' : reply.error.code).toBe('edge_odd');
  });

  it('fails with edge_unreachable when the edge hangs up or the client is closed', async () => {
    const { client } = await edge((request) => request.socket.destroy());
    expect(await client.services()).toMatchObject({ ok: false, error: { code: 'edge_unreachable' } });
    const asked = Promise.withResolvers<void>();
    const silent = await edge(() => asked.resolve());
    const pending = silent.client.services();
    await asked.promise;
    silent.client.close();
    expect(await pending).toMatchObject({ ok: false, error: { code: 'edge_unreachable' } });
    expect(await silent.client.services()).toMatchObject({ ok: false, error: { code: 'edge_unreachable' } });
  });

  it('says in words why nothing was reached, and why what was reached is not trusted', async () => {
    const gone = await edge(() => {});
    gone.server.close();
    await once(gone.server, 'close');
    const reply = await gone.client.services();
    expect(reply.ok ? '' : reply.error.message).toMatch(
      /^Nothing answers at 127\.0\.0\.1:\d+ \(the connection was refused\)/,
    );
    const { server } = await edge(() => {});
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const stranger = createControlClient({ address: { host: '127.0.0.1', port }, trust: {} });
    const doubt = await stranger.join('phj_x', 'laptop');
    expect(doubt.ok ? '' : doubt.error.code).toBe('edge_untrusted');
    stranger.close();
  });

  it('gives up on a reply that does not end', async () => {
    const { client } = await edge((_, response) => {
      const flood = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024, 32)));
      };
      response.on('drain', flood);
      flood();
    });
    const reply = await client.services();
    expect(reply.ok ? '' : reply.error.message).toContain('too large');
  });

  it('keeps its connection, and replaces one that the edge closed meanwhile', async () => {
    let calls = 0;
    const { client, sockets } = await edge((request, response) => {
      // The second call arrives on a connection that breaks under it, as when the edge closes an idle one.
      if (++calls === 2) request.socket.destroy();
      else json(response, []);
    });
    expect((await client.services()).ok).toBe(true);
    expect((await client.services()).ok).toBe(true);
    expect([calls, sockets.length]).toEqual([3, 2]);
  });

  it('never sends the making of a service twice', async () => {
    let made = 0;
    const { client } = await edge((request, response) => {
      if (request.method === 'GET') return json(response, []);
      made++;
      request.socket.destroy();
    });
    await client.services();
    expect((await client.createService({ targets: [{ port: 1 }] })).ok).toBe(false);
    expect(made).toBe(1);
  });
});

describe('a stream', () => {
  const line = (event: WatchEvent): string => `${JSON.stringify(event)}\n`;
  const services = (revision: number): WatchEvent => ({ type: 'services', revision, services: [service] });

  it('yields every event wherever its bytes are cut, and says that it is over', async () => {
    const bytes = Buffer.from(line(services(1)) + line({ type: 'ping' }) + line(services(2)));
    const { client } = await edge(async (_, response) => {
      response.flushHeaders();
      for (let at = 0; at < bytes.length; at += 7)
        await new Promise((done) => response.write(bytes.subarray(at, at + 7), done));
      response.end();
    });
    const events: WatchEvent[] = [];
    let opened = 0;
    const over = await client.watch(
      { onOpen: () => opened++, onEvent: (event) => events.push(event) },
      new AbortController().signal,
    );
    expect(events).toEqual([services(1), { type: 'ping' }, services(2)]);
    expect([opened, over?.code]).toEqual([1, 'edge_unreachable']);
  });

  it('ends without a failure when its follower has enough', async () => {
    const { client } = await edge((_, response) => void response.write(line(services(1))));
    const enough = new AbortController();
    const over = await client.watch({ onEvent: () => enough.abort() }, enough.signal);
    expect(over).toBeUndefined();
  });

  it('is dead after 25 s of silence, counted from the last bytes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    ends.push(() => vi.useRealTimers());
    const responses: ServerResponse[] = [];
    const { client } = await edge((_, response) => {
      responses.push(response);
      response.write(line({ type: 'ping' }));
    });
    let heard = 0;
    const waiting: (() => void)[] = [];
    const ping = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
    const first = ping();
    const onEvent = (): void => {
      heard++;
      waiting.shift()?.();
    };
    const over = client.watch({ onEvent }, new AbortController().signal);
    await first;
    vi.advanceTimersByTime(STREAM_SILENCE - 1);
    const second = ping();
    responses[0]?.write(line({ type: 'ping' }));
    await second;
    vi.advanceTimersByTime(STREAM_SILENCE - 1);
    expect(heard).toBe(2);
    vi.advanceTimersByTime(1);
    expect((await over)?.message).toContain('no answer in time');
  });

  it('fails with what the edge refused with', async () => {
    const { client } = await edge((_, response) => json(response, { error: failure('credential_unknown') }, 401));
    const over = await client.watch({ onEvent() {} }, new AbortController().signal);
    expect(over?.code).toBe('credential_unknown');
  });

  it('fails with edge_odd on a line that is no event', async () => {
    const { client } = await edge((_, response) => void response.write('{"type":"surprise"}\n'));
    const over = await client.tailLogs({ onEvent() {} }, new AbortController().signal);
    expect(over?.code).toBe('edge_odd');
  });
});
