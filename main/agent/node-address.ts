import type { LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { addressesOf } from './address-race.ts';
import { type EdgeAddress, parseEdgeUrl } from './edge-address.ts';
import { isLocalhostName } from './loopback.ts';

/** Addresses that mean this machine or the network it is in: RFC 6890's, as far as they can be dialled. */
const LOCAL = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  LOCAL.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  LOCAL.addSubnet(network, prefix, 'ipv6');

/** Whether `address` means this machine or its own network; IPv4 in IPv6 is un-mapped. */
export function isLocalAddress(address: string): boolean {
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  const family = isIP(plain);
  return family !== 0 && LOCAL.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Where a node is dialled that an edge has named; `undefined` when that is no address, or one that it may not send
 * this laptop to: an edge elsewhere must not make it knock on doors of its own network. The certificate has to be the
 * cluster's, whatever the address.
 */
export function nodeAddress(text: string, home: EdgeAddress, publicOnly: boolean): EdgeAddress | undefined {
  if (/[/?#@]/.test(text)) return undefined;
  const parsed = parseEdgeUrl(text);
  if (!parsed.ok) return undefined;
  const { host, port } = parsed.value;
  if (publicOnly && (isLocalAddress(host) || isLocalhostName(host))) return undefined;
  return { host, port, domain: home.domain ?? home.host, named: true, publicOnly };
}

/** The addresses of `name` without local ones: a name may lead there as well as a number. Rejects when none is left. */
export async function publicAddressesOf(name: string): Promise<readonly LookupAddress[]> {
  const open = (await addressesOf(name)).filter(({ address }) => !isLocalAddress(address));
  if (open.length === 0) throw Object.assign(new Error('only local addresses'), { code: 'ENOTFOUND' });
  return open;
}

/** An address of `name`, itself maybe one, that isn't local; IPv4 first, which every proxy has. */
export async function publicAddress(name: string): Promise<string | undefined> {
  const addresses = await publicAddressesOf(name).catch(() => []);
  return (addresses.find(({ family }) => family === 4) ?? addresses[0])?.address;
}
