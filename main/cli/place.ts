import { type Command, InvalidArgumentError } from 'commander';
import type { NewTarget } from '../../shared/contract/control-api.ts';
import type { Input } from '../../shared/contract/ipc.ts';
import { isUnixPath, unixPathOf } from '../../shared/domain/unix-path.ts';
import { UsageError } from './exit.ts';

type Publication = Input<'services:publish'>;

/** What a server listens on, as it is named on the command line: a port, or the path of a Unix socket. */
export type Listener = number | { readonly unix: string };

/** Flags that say where a server is, if not at a port of the laptop itself. */
export interface PlaceFlags {
  readonly host?: string;
  readonly domain?: string;
  readonly subnet?: string;
}

/** Adds them to `command`. */
export const withPlaceFlags = (command: Command): Command =>
  command
    .option('--host <host>', 'where the server runs, if not on this machine: an address, or a name')
    .option('--domain <name>', 'the same by a name that is resolved anew each time, all of its addresses tried')
    .option('--subnet <network>', 'the network, such as 10.0.0.0/24, that is allowed as a whole; with --host in it');

/** Reads `3000` or `unix:/run/app.sock`. */
export function listener(text: string): Listener {
  const path = unixPathOf(text.trim());
  if (path !== undefined) return { unix: path };
  if (/^-?\d{1,15}$/.test(text.trim())) return Number(text);
  throw new InvalidArgumentError('It is neither a whole number nor unix:/path.');
}

/** The port of a listener; 0 for a Unix socket. */
export const portOf = (from: Listener): number => (typeof from === 'number' ? from : 0);

const OWN = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

/** Where the target is that `from` and `flags` name. Throws a UsageError for what doesn't go together. */
export function placeOf(
  from: Listener | undefined,
  { host, domain, subnet }: PlaceFlags,
): Pick<NewTarget, 'type' | 'host' | 'subnet'> {
  if (typeof from === 'object') {
    if (host !== undefined || domain !== undefined || subnet !== undefined)
      throw new UsageError('A Unix socket is on the laptop itself: no --host, --domain or --subnet goes with it.');
    if (!isUnixPath(from.unix))
      throw new UsageError(`unix: takes the whole path of a socket, such as unix:/run/app.sock, not "${from.unix}".`);
    return { type: 'unix', host: from.unix };
  }
  if (domain !== undefined) {
    if (host !== undefined || subnet !== undefined)
      throw new UsageError('Give --domain, or --host, or --host with --subnet.');
    return { type: 'domain', host: domain.trim() };
  }
  if (subnet !== undefined) {
    if (host === undefined) throw new UsageError('--subnet needs --host, the address in it that is dialled.');
    return { type: 'subnet', host: host.trim(), subnet: subnet.trim() };
  }
  return host === undefined || OWN.has(host.trim().toLowerCase())
    ? { type: 'agent', host: 'localhost' }
    : { type: 'host', host: host.trim() };
}

/** The same as publishing takes it. */
export function publishedPlace(
  from: Listener,
  flags: PlaceFlags,
): Pick<Publication, 'port' | 'type' | 'host' | 'subnet'> {
  const { type, host, subnet } = placeOf(from, flags);
  const port = portOf(from);
  if (type === 'agent' || type === undefined) return { port };
  if (type === 'host') return { port, host };
  return { port, type, host, ...(subnet === undefined ? {} : { subnet }) };
}
