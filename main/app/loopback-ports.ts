import { once } from 'node:events';
import { createServer } from 'node:net';

/** The loopback addresses that this machine has: IPv4's always, IPv6's where IPv6 is on. */
export async function loopbackAddresses(): Promise<readonly string[]> {
  return (await listenBriefly('::1', 0)) === undefined ? ['127.0.0.1'] : ['127.0.0.1', '::1'];
}

/**
 * A port that is free on all of `addresses`, so that a browser which picks either one finds the same server. Somebody
 * may take it before it is used; the caller tries again then. `undefined` when none was found in a few tries.
 */
export async function findFreePort(
  addresses: readonly string[],
  avoid: ReadonlySet<number>,
): Promise<number | undefined> {
  const [first = '127.0.0.1', ...others] = addresses;
  for (let tries = 0; tries < 20; tries++) {
    const port = await listenBriefly(first, 0);
    if (port === undefined) return undefined;
    if (avoid.has(port)) continue;
    const taken = await Promise.all(others.map((address) => listenBriefly(address, port)));
    if (taken.every((answer) => answer === port)) return port;
  }
  return undefined;
}

/** The port that could be listened on; nothing listens there any more. */
async function listenBriefly(host: string, port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, ipv6Only: true });
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' ? address?.port : undefined;
  } catch {
    return undefined;
  } finally {
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      await closed;
    }
  }
}
