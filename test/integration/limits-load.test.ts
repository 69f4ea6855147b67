/** The bounds of what a target, and all visitors together, may have under way, driven against a real edge. */
import type { ServerResponse } from 'node:http';
import { expect } from 'vitest';
import { proxyHeader } from '../support/attacks.ts';
import { RawVisitor } from '../support/proxy-stand.ts';
import { type RunningEdge, startApp } from './edge-stand.ts';
import { driveBounds, LimitedEdge, times } from './limits-stand.ts';

const low = new LimitedEdge(
  'requests-per-target=20',
  'requests-per-target-and-address=10',
  'upgrades-per-target=2',
  'cancels-per-target=10',
  'visitor-memory=1MiB',
  // Heads are left unfinished here.
  'header-time=60s',
);

/**
 * An app at `name.localhost` that keeps requests for `/held`, upgrades what asks for it, and says `here` to others.
 * Yields the requests that it keeps.
 */
async function publishApp(name: string): Promise<Set<ServerResponse>> {
  const waiting = new Set<ServerResponse>();
  const app = await startApp((request, response) => {
    if (request.url !== '/held') return void response.end('here');
    waiting.add(response);
    response.once('close', () => waiting.delete(response));
  });
  app.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {}).on('end', () => socket.destroy());
    socket.resume().write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  low.defer(async () => app[Symbol.asyncDispose]());
  await low.publish(name, app.port);
  return waiting;
}

/** A visitor from `address` who has sent `text`. */
async function visit(edge: RunningEdge, address: string, text: string): Promise<RawVisitor> {
  const visitor = await RawVisitor.connect(edge.ready.httpPort ?? 0);
  visitor.send(`${proxyHeader(address)}${text}`);
  return visitor;
}

const get = (name: string, path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${name}.localhost\r\n${more}\r\n`;
const WEBSOCKET = 'Connection: upgrade\r\nUpgrade: websocket\r\n';

/** It is told 503, and when to come again. */
async function isBusy(visitor: RawVisitor): Promise<void> {
  const text = await visitor.untilIncludes('\r\n\r\n');
  expect(text).toMatch(/^HTTP\/1\.1 503 /);
  expect(text).toContain('\r\nX-Porthole-Failure: busy\r\n');
  expect(text).toMatch(/\r\nRetry-After: [1-9]\d*\r\n/);
  visitor.socket.destroy();
}

async function isServed(visitor: RawVisitor): Promise<void> {
  await visitor.untilIncludes('here');
  visitor.socket.destroy();
}

/** They break off. Who only ends its side may still wait for the answer. */
const leave = (visitors: readonly RawVisitor[]): void => {
  for (const { socket } of visitors) socket.resetAndDestroy();
};

driveBounds('load', {
  requestsPerTarget: {
    edge: low,
    seen: '503 with Retry-After, whoever asks; other targets are served',
    times: 5,
    told: { serviceId: expect.any(String), address: expect.stringMatching(/^198\.51\.100\./) },
    async go(edge) {
      const waiting = await publishApp('full');
      await publishApp('other');
      const visitors = await times(20, (n) => visit(edge, `198.51.100.${n % 2}`, get('full', '/held')));
      await expect.poll(() => waiting.size).toBe(20);
      await times(5, async (n) => isBusy(await visit(edge, `198.51.100.${10 + n}`, get('full', '/'))));
      await isServed(await visit(edge, '198.51.100.0', get('other', '/')));
      leave(visitors);
    },
  },
  requestsPerTargetAndAddress: {
    edge: low,
    seen: '503 with Retry-After; other visitors are served',
    times: 5,
    told: { serviceId: expect.any(String), address: '198.51.101.1' },
    async go(edge) {
      const waiting = await publishApp('shared');
      const visitors = await times(10, () => visit(edge, '198.51.101.1', get('shared', '/held')));
      await expect.poll(() => waiting.size).toBe(10);
      await times(5, async () => isBusy(await visit(edge, '198.51.101.1', get('shared', '/'))));
      await isServed(await visit(edge, '198.51.101.2', get('shared', '/')));
      leave(visitors);
    },
  },
  upgradesPerTarget: {
    edge: low,
    seen: '503 with Retry-After; requests are served',
    times: 5,
    told: { serviceId: expect.any(String) },
    async go(edge) {
      await publishApp('socket');
      const visitors = await times(2, () => visit(edge, '198.51.102.1', get('socket', '/', WEBSOCKET)));
      for (const visitor of visitors) await visitor.untilIncludes(' 101 ');
      await times(5, async (n) => isBusy(await visit(edge, `198.51.102.${n}`, get('socket', '/', WEBSOCKET))));
      await isServed(await visit(edge, '198.51.102.1', get('socket', '/')));
      leave(visitors);
    },
  },
  cancelsPerTarget: {
    edge: low,
    seen: '503 with Retry-After for the rest of the second, then visitors are served again',
    times: 1,
    told: { serviceId: expect.any(String) },
    async go(edge) {
      const waiting = await publishApp('left');
      const ask = async (): Promise<string> => {
        const visitor = await visit(edge, '198.51.103.1', get('left', '/'));
        const text = await visitor.untilIncludes('\r\n\r\n');
        visitor.socket.destroy();
        return text.slice(9, 12);
      };
      // A second may be over in the middle: then once more.
      for (let status = '200'; status !== '503'; status = await ask()) {
        const visitors = await times(10, () => visit(edge, '198.51.103.1', get('left', '/held')));
        await expect.poll(() => waiting.size).toBe(10);
        leave(visitors);
        await expect.poll(() => waiting.size).toBe(0);
      }
      await expect.poll(ask).toBe('200');
    },
  },
  visitorMemory: {
    edge: low,
    seen: '503 for whoever keeps most; who keeps little is served',
    times: 5,
    told: { address: '198.51.104.1' },
    async go(edge) {
      await publishApp('memory');
      const small = await visit(edge, '198.51.104.2', get('memory', '/').slice(0, -2));
      const unfinished = `${get('memory', '/').slice(0, -2)}X: ${'x'.repeat(60_000)}`;
      const visitors = await times(40, () => visit(edge, '198.51.104.1', unfinished));
      const answered = () => visitors.filter(({ text }) => text.startsWith('HTTP/1.1 503 ')).length;
      // 2.3 MiB in all: more than half of them have to go.
      await expect.poll(answered).toBeGreaterThan(20);
      expect(answered()).toBeLessThan(40);
      small.send('\r\n');
      await isServed(small);
      leave(visitors);
    },
  },
});
