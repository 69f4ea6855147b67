/** The inspector over a real edge, agent and app: requests of visitors, read along, replayed, and forgotten. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { type AppClient, connectLocal } from '../../main/app/local-client.ts';
import type { InspectorNews } from '../../shared/contract/inspect.ts';
import type { Channel, Input, Outputs } from '../../shared/contract/ipc.ts';
import { startCli, temporaryHome } from '../support/cli.ts';
import { ask } from '../support/visitor.ts';

const SECRET = 'S3CRET-OF-THE-VISITOR';

async function call<C extends Channel>(app: AppClient, channel: C, input: Input<C>): Promise<Outputs[C]> {
  const reply = await app.call(channel, input);
  if (!reply.ok) throw new Error(`${channel}: ${reply.error.code} ${reply.error.message}`);
  return reply.value;
}

it('shows what passes an inspected service, sends it again, and stops with the switch', async () => {
  const seen: { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      seen.push({ url: request.url ?? '', headers: request.headers, body });
      response.setHeader('content-type', 'application/json').setHeader('content-encoding', 'gzip');
      // Not kept, so that each request has a connection of its own.
      response.setHeader('connection', 'close').end(gzipSync(JSON.stringify({ answer: body })));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  await using home = temporaryHome();
  await using cli = startCli(home, ['expose', String(port), '--json']);
  const { url } = (await cli.line()) as unknown as { url: string };
  const app = await connectLocal(path.join(home.dir, 'data'), ['state', 'inspector']);
  if (app === undefined) throw new Error('no app');
  const news: InspectorNews[] = [];
  app.on('inspector', (piece) => news.push(piece));
  const visit = (body: string) =>
    ask({ url: `${url}/pay?token=${SECRET}`, method: 'POST', body, headers: { authorization: `Bearer ${SECRET}` } });

  const state = await call(app, 'state:get', undefined);
  const serviceId = state.services[0]?.id ?? '';
  expect(state.inspecting).toBeUndefined();
  expect((await visit('unseen')).status).toBe(200);
  expect((await call(app, 'inspector:list', { limit: 10 })).exchanges).toEqual([]);

  await call(app, 'inspector:set', { serviceId, enabled: true });
  expect((await call(app, 'state:get', undefined)).inspecting).toEqual([serviceId]);
  expect((await visit('hello')).status).toBe(200);
  const [exchange] = (await call(app, 'inspector:list', { limit: 10 })).exchanges;
  expect(exchange).toMatchObject({ serviceId, method: 'POST', status: 200, requestBytes: 5, type: 'application/json' });
  const id = exchange?.id ?? 0;
  const detail = await call(app, 'inspector:get', { id });
  expect(JSON.stringify(detail)).not.toContain(SECRET);
  expect(Buffer.from(detail.request.body.base64, 'base64').toString()).toBe('hello');
  expect(Buffer.from(detail.response?.body.base64 ?? '', 'base64').toString()).toBe('{"answer":"hello"}');

  const over = new Promise<void>((resolve) => {
    app.on('inspector', ({ changed }) => {
      if (changed.some((one) => one.replayOf === id && one.state === 'done')) resolve();
    });
  });
  const again = await call(app, 'inspector:replay', { id });
  await over;
  expect((await call(app, 'inspector:get', { id: again.id })).summary).toMatchObject({ replayOf: id, status: 200 });
  const [, first, second] = seen;
  expect(second?.body).toBe('hello');
  expect([second?.url, second?.headers.authorization]).toEqual([first?.url, `Bearer ${SECRET}`]);
  expect(JSON.stringify(news)).not.toContain(SECRET);

  await call(app, 'inspector:set', { serviceId, enabled: false });
  expect((await visit('unseen again')).status).toBe(200);
  expect((await call(app, 'inspector:list', { limit: 10 })).exchanges.map((one) => one.id)).toEqual([again.id, id]);
  await call(app, 'inspector:clear', {});
  expect(await app.call('inspector:get', { id })).toMatchObject({ ok: false, error: { code: 'exchange_gone' } });
  await app.close();
  server.close();
});
