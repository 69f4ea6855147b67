import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

type LookupDone = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** This machine, by both families. */
export const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * A `lookup` for sockets that knows this machine only: both loopback addresses, whatever name is asked and whatever
 * the hosts file says. With `autoSelectFamily` a server that listens on just one of them is found either way.
 */
function loopbackLookup(_name: string, options: LookupOptions, done: LookupDone): void {
  const family = options.family === 6 || options.family === 'IPv6' ? 6 : options.family === 4 ? 4 : 0;
  const found = family === 0 ? LOOPBACK : LOOPBACK.filter((a) => a.family === family);
  if (options.all === true) done(null, [...found]);
  else done(null, found[0]?.address ?? '127.0.0.1', found[0]?.family ?? 4);
}

/** Milliseconds that one loopback address gets before the other is tried too (Windows takes seconds to refuse). */
const LOOPBACK_ATTEMPT = 100;

/** Whether `host` names this machine by RFC 6761 (`localhost` and names under it). */
export const isLocalhostName = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');

/** How a socket finds this machine: by `loopbackLookup`, both addresses at nearly the same time. */
export const BOTH_LOOPBACKS = { lookup: loopbackLookup, autoSelectFamilyAttemptTimeout: LOOPBACK_ATTEMPT } as const;

/** 127.0.0.0/8 and ::1, and the addresses that stand for any of this machine's own. */
const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addAddress('0.0.0.0', 'ipv4');
OWN.addSubnet('::', 127, 'ipv6');

/** Whether `host`, a name or an address, is this machine whatever a resolver says; IPv4 in IPv6 counts as IPv4. */
export function isThisMachine(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? isLocalhostName(host) : OWN.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Ports of which the address that answers is remembered. Past that the memory starts anew. */
const REMEMBERED_PORTS = 1024;

/**
 * Which of the two loopback addresses answered last, by port: dialling both anew for every visitor costs a tenth of a
 * dial, and most servers stay where they are.
 */
export class LoopbackMemory {
  readonly #answered = new Map<number, string>();

  recall(port: number): string | undefined {
    return this.#answered.get(port);
  }

  /** Other addresses than the two are ignored. */
  remember(port: number, address: string | undefined): void {
    if (!LOOPBACK.some((known) => known.address === address) || address === undefined) return;
    if (this.#answered.size >= REMEMBERED_PORTS) this.#answered.clear();
    this.#answered.set(port, address);
  }

  forget(port: number): void {
    this.#answered.delete(port);
  }
}
