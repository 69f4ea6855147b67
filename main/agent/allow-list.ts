import { authority, isPort } from '../../shared/domain/service.ts';

/** A target that the laptop's user may allow: exactly this host and port. */
export interface AllowedTarget {
  /** `agent`: this machine, whatever `host` says. `host`: a name or address as it will be dialled. */
  readonly type: 'agent' | 'host';
  readonly host: string;
  readonly port: number;
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

/** The one spelling of a target: type, lower-case host without brackets and trailing dot, port. */
function keyOf(target: AllowedTarget): string | undefined {
  if (!isPort(target.port)) return undefined;
  if (target.type === 'agent') return `agent ${target.port}`;
  const host = target.host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return host === '' || host.length > 253 ? undefined : `host ${authority(host, target.port)}`;
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
