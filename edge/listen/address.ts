import { type AddressInfo, isIP, type Server } from 'node:net';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { authority } from '../../shared/domain/service.ts';

/** Where a listener is, or is to be. Port 0 means any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Whether only this machine can reach `host`: an address of the loopback range, or the name `localhost`. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** The system's code of an error, such as `EADDRINUSE`; '' when it has none. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Starts `server` at `address`; the address it got, or a failure that says in words why not. */
export function listenAt(
  server: Server,
  address: ListenAddress,
  reusePort = false,
): Promise<Result<ListenAddress, Failure>> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      resolve(err(listenFailure(error, authority(address.host, address.port))));
    };
    const onListening = (): void => {
      server.off('error', onError);
      // A TCP server's address is never a string or null once it listens.
      const bound = server.address() as AddressInfo;
      resolve(ok({ host: bound.address, port: bound.port }));
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen({ host: address.host, port: address.port, backlog: 4096, reusePort });
  });
}

/** The failure that an error of listening on `address` stands for. */
export function listenFailure(error: Error, address: string): Failure {
  const code = errorCode(error);
  if (code === 'EADDRINUSE') return failure('address_in_use', { address });
  if (code === 'EACCES' || code === 'EPERM') return failure('address_denied', { address });
  return failure('address_unavailable', { address, reason: code === '' ? error.message : code });
}

/** How often a second address is tried at the port that the first one got, before another port is taken. */
const SAME_PORT_TRIES = 10;

/** Servers that listen, and where. */
export interface Bound {
  readonly servers: readonly Server[];
  readonly addresses: readonly ListenAddress[];
}

/**
 * Starts one server an address. All addresses that ask for port 0 get the same port. An IPv6 loopback address that
 * this machine doesn't have is left out when others remain (`optionalLoopback`). With `reusePort` other processes of this
 * user may listen there too. After a failure nothing listens.
 */
export async function listenAll(
  addresses: readonly ListenAddress[],
  create: () => Server,
  optionalLoopback: boolean,
  reusePort = false,
): Promise<Result<Bound, Failure>> {
  for (let attempt = 1; ; attempt++) {
    const tried = await tryAll(addresses, create, optionalLoopback, reusePort);
    if (tried.ok || !tried.error.shared || attempt === SAME_PORT_TRIES)
      return tried.ok ? tried : err(tried.error.failure);
  }
}

/** `shared`: the port was free for the first address and is taken at another one, so a further try may do better. */
interface Trouble {
  readonly failure: Failure;
  readonly shared: boolean;
}

async function tryAll(
  addresses: readonly ListenAddress[],
  create: () => Server,
  optionalLoopback: boolean,
  reusePort: boolean,
): Promise<Result<Bound, Trouble>> {
  const servers: Server[] = [];
  const bound: ListenAddress[] = [];
  let sharedPort = 0;
  let missing: Failure | undefined;
  for (const address of addresses) {
    const server = create();
    const port = address.port === 0 ? sharedPort : address.port;
    const listened = await listenAt(server, { host: address.host, port }, reusePort);
    if (listened.ok) {
      servers.push(server);
      bound.push(listened.value);
      if (address.port === 0) sharedPort = listened.value.port;
    } else if (optionalLoopback && address.host === '::1' && listened.error.code === 'address_unavailable') {
      missing = listened.error;
    } else {
      for (const started of servers) closeServer(started);
      const shared = address.port === 0 && sharedPort !== 0 && listened.error.code === 'address_in_use';
      return err({ failure: listened.error, shared });
    }
  }
  return servers.length === 0 && missing !== undefined
    ? err({ failure: missing, shared: false })
    : ok({ servers, addresses: bound });
}

/** Stops listening; open connections go on. */
export function closeServer(server: Server): void {
  if (server.listening) server.close();
}
