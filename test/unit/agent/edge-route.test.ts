import { expect, it } from 'vitest';
import { leadDirectly } from '../../../main/agent/edge-route.ts';
import { because } from '../../../shared/domain/reason.ts';
import { startBusyServer } from '../../support/busy-server.ts';

const { signal } = new AbortController();

it('waits for an edge on loopback that is too busy to take the connection at once', async () => {
  await using edge = await startBusyServer();
  const address = { host: 'localhost', port: edge.port };
  expect(await leadDirectly(address, signal, 600)).toMatchObject({
    error: { code: 'edge_unreachable', params: { reason: because('silent') } },
  });
  const led = leadDirectly(address, signal, 10_000);
  edge.rest();
  const outcome = await led;
  expect(outcome.ok).toBe(true);
  if (outcome.ok) outcome.value.destroy();
});

it('leads nowhere once nobody wants to go there', async () => {
  await using edge = await startBusyServer();
  const address = { host: 'localhost', port: edge.port };
  const given = new AbortController();
  const led = leadDirectly(address, given.signal, 10_000);
  given.abort();
  const gone = { error: { code: 'edge_unreachable', params: { reason: because('given_up') } } };
  expect(await led).toMatchObject(gone);
  expect(await leadDirectly(address, given.signal, 10_000)).toMatchObject(gone);
});

it('leads to no local address where an edge elsewhere has named it', async () => {
  await using edge = await startBusyServer();
  edge.rest();
  expect(await leadDirectly({ host: '127.0.0.1', port: edge.port, publicOnly: true }, signal, 10_000)).toMatchObject({
    error: { code: 'edge_unreachable', params: { reason: because('name_unknown') } },
  });
});
