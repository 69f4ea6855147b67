import { hostname, networkInterfaces } from 'node:os';
import { type Address, parseAddress } from '../../../shared/domain/cidr.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { dialName } from '../../../shared/domain/hostname.ts';
import { because } from '../../../shared/domain/reason.ts';
import type { Target } from '../../../shared/domain/service.ts';
import { socketPath } from '../socket-path.ts';
import type { Context } from './context.ts';

/**
 * Refuses a target that is one of `ports`, Porthole's own, on this machine, however it calls this machine: the edge's
 * visitors would go round in circles, and the window is for nobody else. A name that only a name server knows to be
 * this machine gets by.
 */
function refuseOwnPort(
  ports: ReadonlySet<number>,
  target: Pick<Target, 'type' | 'host' | 'port' | 'protocol'>,
  field: string,
): Failure | undefined {
  if (target.protocol === 'udp' || !ports.has(target.port)) return undefined;
  if (target.type !== 'agent' && !isThisMachine(target.host)) return undefined;
  return failure('input_invalid', { reason: because('target_own_port', { port: target.port }) }, field);
}

/** Refuses a target that is Porthole's own, be it a port or the socket that its command line uses. */
export function refuseOwn(
  context: Pick<Context, 'ownPorts' | 'state'>,
  target: Pick<Target, 'type' | 'host' | 'port' | 'protocol'>,
  field: string,
): Failure | undefined {
  if (target.type !== 'unix') return refuseOwnPort(context.ownPorts(), target, field);
  if (target.host !== socketPath(context.state().host.home)) return undefined;
  return failure('input_invalid', { reason: because('target_own_socket') }, field);
}

function isThisMachine(host: string): boolean {
  const name = dialName(host);
  if (name === 'localhost' || name.endsWith('.localhost') || name === dialName(hostname())) return true;
  const address = parseAddress(name) ?? parseAddress(shortened(name));
  return address !== undefined && (isLocal(address) || ownAddresses().some((own) => same(own, address)));
}

/** The dotted form of IPv4 addresses as systems take them too: `127.1`, `0x7f.1`, `2130706433`. '' when it is none. */
function shortened(name: string): string {
  const last = name.slice(name.lastIndexOf('.') + 1);
  return /^(?:[0-9]+|0x[0-9a-f]*)$/.test(last) ? (URL.parse(`http://${name}/`)?.hostname ?? '') : '';
}

/** Loopback, and the unspecified address, which is dialled as loopback. */
const isLocal = ({ family, value }: Address): boolean =>
  family === 4 ? value === 0n || value >> 24n === 127n : value <= 1n;

const same = (a: Address, b: Address): boolean => a.family === b.family && a.value === b.value;

function ownAddresses(): Address[] {
  try {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    return all.flatMap(({ address }) => parseAddress(address) ?? []);
  } catch {
    return []; // Some sandboxes forbid it; loopback is known without.
  }
}
