import { cidrContains, parseCidr } from '../../shared/domain/cidr.ts';
import { dialName } from '../../shared/domain/hostname.ts';
import { authority, isPort, type TargetType } from '../../shared/domain/service.ts';

/** A target that the laptop's user may allow: exactly this host and port, or this port of every host in a subnet. */
export interface AllowedTarget {
  /**
   * `agent`: this machine, whatever `host` says. `host`, `domain`: a name or address as it will be dialled. `subnet`:
   * allowed as a whole; what is dialled is `host`, an address in it.
   */
  readonly type: TargetType;
  readonly host: string;
  readonly port: number;
  /** UDP. What is allowed for one transport is not allowed for the other. */
  readonly udp?: boolean | undefined;
  /** Type `subnet`: the network. Not needed to ask whether an address in it is allowed. */
  readonly subnet?: string | undefined;
}

/** Permanent entries, and entries of one owner; more are refused. */
export const ALLOWED_LIMIT = 10_000;

/**
 * What this laptop's user lets the edge reach. The agent asks it before every dial, so that neither the edge nor
 * whoever took it over reaches anything else. Nothing is allowed unless an entry names it.
 */
export interface AllowList {
  isAllowed(target: AllowedTarget): boolean;
  /** The permanent entries, to be kept across restarts. */
  entries(): readonly AllowedTarget[];
  /** Adds a permanent entry; false when it is no target or the list is full. */
  allow(target: AllowedTarget): boolean;
  /** Takes a permanent entry back. Temporary ones of the same target stay. */
  revoke(target: AllowedTarget): void;
  /** Allows a target for as long as `owner` (a running `expose`) lives. */
  allowFor(owner: string, target: AllowedTarget): boolean;
  /** Drops everything that was allowed for `owner`. */
  release(owner: string): void;
  /** Calls back after every change; the return value unsubscribes. */
  onChange(listener: () => void): () => void;
}

/** The one spelling of an entry: type, lower-case host without brackets and trailing dot (or network), port. */
function keyOf(target: AllowedTarget): string | undefined {
  if (!isPort(target.port)) return undefined;
  const transport = target.udp === true ? 'udp ' : '';
  if (target.type === 'agent') return `${transport}agent ${target.port}`;
  if (target.type === 'subnet') {
    const network = parseCidr(target.subnet ?? '');
    return network === undefined ? undefined : `${transport}subnet ${network.text} ${target.port}`;
  }
  const host = dialName(target.host);
  return host === '' || host.length > 253 ? undefined : `${transport}${target.type} ${authority(host, target.port)}`;
}

/** Whether the entry `key` allows a network that `target`, of type `subnet`, lies in. */
function holdsAddress(key: string, target: AllowedTarget): boolean {
  const [, udp, network, port] = /^(udp )?subnet (\S+) (\d+)$/.exec(key) ?? [];
  if (network === undefined || Number(port) !== target.port || (udp !== undefined) !== (target.udp === true))
    return false;
  const cidr = parseCidr(network);
  return cidr !== undefined && cidrContains(cidr, dialName(target.host));
}

/** An allow list that starts with the kept `entries`; what isn't a target among them is left out. */
export function createAllowList(entries: Iterable<AllowedTarget> = []): AllowList {
  const permanent = new Map<string, AllowedTarget>();
  const temporary = new Map<string, Set<string>>();
  const listeners = new Set<() => void>();
  let size = 0;

  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };

  for (const entry of entries) {
    const key = keyOf(entry);
    if (key !== undefined && permanent.size < ALLOWED_LIMIT) permanent.set(key, entry);
  }

  return {
    isAllowed(target) {
      if (target.type === 'subnet') {
        const keys = [permanent, ...temporary.values()].flatMap((entries) => [...entries.keys()]);
        return isPort(target.port) && keys.some((key) => holdsAddress(key, target));
      }
      const key = keyOf(target);
      if (key === undefined) return false;
      if (permanent.has(key)) return true;
      for (const keys of temporary.values()) if (keys.has(key)) return true;
      return false;
    },
    entries: () => [...permanent.values()],
    allow(target) {
      const key = keyOf(target);
      if (key === undefined) return false;
      if (permanent.has(key)) return true;
      if (permanent.size >= ALLOWED_LIMIT) return false;
      permanent.set(key, target);
      changed();
      return true;
    },
    revoke(target) {
      const key = keyOf(target);
      if (key !== undefined && permanent.delete(key)) changed();
    },
    allowFor(owner, target) {
      const key = keyOf(target);
      if (key === undefined) return false;
      const keys = temporary.get(owner) ?? new Set<string>();
      if (keys.has(key)) return true;
      if (size >= ALLOWED_LIMIT) return false;
      temporary.set(owner, keys.add(key));
      size++;
      changed();
      return true;
    },
    release(owner) {
      const keys = temporary.get(owner);
      if (keys === undefined) return;
      temporary.delete(owner);
      size -= keys.size;
      changed();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
