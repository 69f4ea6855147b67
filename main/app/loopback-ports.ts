import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The loopback addresses that this machine has: IPv4's always, IPv6's where IPv6 is on. */
export async function loopbackAddresses(): Promise<readonly string[]> {
  return (await listenBriefly('::1', 0)) === undefined ? ['127.0.0.1'] : ['127.0.0.1', '::1'];
}

/** Below the ranges from which systems take ports for outgoing connections, so that the port is free next time too. */
const LOWEST = 20_000;
const HIGHEST = 30_000;

/**
 * A port that is free on all of `addresses`, so that a browser which picks either one finds the same server. Somebody
 * may take it before it is used; the caller tries again then. `undefined` when none was found in a few tries.
 */
export async function findFreePort(
  addresses: readonly string[],
  avoid: ReadonlySet<number>,
): Promise<number | undefined> {
  for (let tries = 0; tries < 50; tries++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (avoid.has(port)) continue;
    const free = await Promise.all(addresses.map((address) => listenBriefly(address, port)));
    if (free.every((answer) => answer === port)) return port;
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
