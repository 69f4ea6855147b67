/** Whose request it is, when a proxy in front of the edge says so. */
import { afterEach, expect, it } from 'vitest';
import { TrustedProxies } from '../../../edge/trusted-proxies.ts';
import { parseCidr } from '../../../shared/domain/cidr.ts';
import { FakeTunnels } from '../../support/fake-tunnels.ts';
import { H2Request, h2Session } from '../../support/h2-client.ts';
import { type ProxyStand, proxyStand, RawVisitor, routeTo, targetAt } from '../../support/proxy-stand.ts';

let stand: ProxyStand | undefined;
let tunnels: FakeTunnels;
afterEach(() => stand?.close());

async function behind(networks: string[], secure = false): Promise<ProxyStand> {
  tunnels = new FakeTunnels();
  const proxies = new TrustedProxies(networks.map((text) => parseCidr(text)).filter((cidr) => cidr !== undefined));
  stand = await proxyStand({ tunnels, routes: [routeTo(targetAt(3000))], proxies, secure });
  return stand;
}

/** Sends each request on the one connection of a proxy, and yields what the origin saw. */
async function seen(port: number, ...fields: string[]): Promise<string[]> {
  const proxy = await RawVisitor.connect(port);
  const heads: string[] = [];
  for (const [index, text] of fields.entries()) {
    proxy.send(`GET /${index} HTTP/1.1\r\nHost: app.test\r\n${text}\r\n`);
    const stream = await tunnels.stream(1);
    await stream.untilReceived(`GET /${index} `);
    heads.push(stream.received.slice(stream.received.indexOf(`GET /${index} `)));
    stream.send(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${index}`);
    await proxy.untilIncludes(`\r\n\r\n${index}`);
  }
  proxy.socket.destroy();
  return heads;
}

it('is the visitor that a trusted proxy names, each request for itself', async () => {
  const { port, records } = await behind(['127.0.0.1', '10.0.0.0/8']);
  const [one, two, three] = await seen(
    port,
    'X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n',
    'X-Forwarded-For: 2001:db8::1\r\nx-forwarded-for: 10.0.0.2\r\n',
    '',
  );
  expect(one).toContain('X-Forwarded-For: 203.0.113.7, 127.0.0.1\r\nX-Real-IP: 203.0.113.7\r\n');
  expect(one).toContain('Forwarded: for=203.0.113.7;proto=http;');
  expect(one).not.toContain('6.6.6.6');
  expect(two).toContain('X-Forwarded-For: 2001:db8::1, 10.0.0.2, 127.0.0.1\r\nX-Real-IP: 2001:db8::1\r\n');
  expect(two).toContain('Forwarded: for="[2001:db8::1]";');
  expect(three).toContain('X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n');
  expect(records.map((r) => r.address)).toEqual(['203.0.113.7', '2001:db8::1', '127.0.0.1']);
});

it('is the peer itself where that is not trusted', async () => {
  const { port, records } = await behind(['10.0.0.0/8']);
  const [head] = await seen(port, 'X-Forwarded-For: 203.0.113.7\r\nX_Forwarded_For: 203.0.113.7\r\n');
  expect(head).toContain('X-Forwarded-For: 127.0.0.1\r\n');
  expect(head).not.toContain('203.0.113.7');
  expect(records.map((r) => r.address)).toEqual(['127.0.0.1']);
});

it('is told over HTTP/2, too', async () => {
  const { port, records } = await behind(['127.0.0.1'], true);
  const session = await h2Session(port);
  const request = new H2Request(session, { 'x-forwarded-for': '203.0.113.7' });
  const stream = await tunnels.stream(1);
  await stream.untilReceived('X-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n');
  stream.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  await request.answer;
  session.destroy();
  expect(records.map((r) => r.address)).toEqual(['203.0.113.7']);
});
