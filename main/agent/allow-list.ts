import { type Cidr, cidrContains, parseCidr } from '../../shared/domain/cidr.ts';
import { dialName } from '../../shared/domain/hostname.ts';
import { authority, isPort, type TargetType } from '../../shared/domain/service.ts';
import { isUnixPath } from '../../shared/domain/unix-path.ts';

/** A place that may be allowed: exactly this host and port, or this port of every host in a subnet. */
export interface Place {
  /**
   * `agent`: this machine, whatever `host` says. `host`, `domain`: a name or address as it will be dialled. `subnet`:
   * allowed as a whole; what is dialled is `host`, an address in it. `unix`: the socket at the path `host`; port 0.
   */
  readonly type: TargetType;
  readonly host: string;
  readonly port: number;
  /** UDP. What is allowed for one transport is not allowed for the other. */
  readonly udp?: boolean | undefined;
  /** Type `subnet`: the network. Not needed to ask whether an address in it is allowed. */
  readonly subnet?: string | undefined;
}

/** A place that one service may reach. */
export interface AllowedTarget extends Place {
  /** The service's id. What one service may reach is no other one's: another may be open to everybody. */
  readonly service: string;
}

/** An entry as it is kept; those of earlier versions name no service, and allow nothing until they are bound to one. */
export interface KeptTarget extends Place {
  readonly service?: string | undefined;
}

/** What is asked: whether the service may reach the place, or whether any may where none is named. */
export type AskedTarget = KeptTarget;

/** Permanent entries, and temporary ones; more are refused. */
export const ALLOWED_LIMIT = 10_000;

/**
 * What this laptop's user lets the edge reach, and for which service. The agent asks it before every dial, so that
 * neither the edge nor whoever took it over, nor another member of the cluster, reaches anything else. Nothing is
 * allowed unless an entry names it.
 */
export interface AllowList {
  isAllowed(target: AskedTarget): boolean;
  /** The permanent entries, to be kept across restarts. */
  entries(): readonly KeptTarget[];
  /** Adds a permanent entry; false when it is no target or the list is full. */
  allow(target: AllowedTarget): boolean;
  /** Takes a permanent entry back. A temporary one of the same target stays. */
  revoke(target: AllowedTarget): void;
  /** Allows a target until its service is forgotten, and not beyond this run. */
  allowForNow(target: AllowedTarget): boolean;
  /** Drops everything that the service was allowed, for good and for now. */
  forget(service: string): void;
  /**
   * Gives entries of an earlier version to the services that have such a target, the very ones that `targets` yields,
   * and drops the rest: nobody can tell any more what those were meant for. Returns whether there were any.
   */
  bind(targets: () => Iterable<AllowedTarget>): boolean;
  /**
   * While a service is being made, its id isn't known, so nothing can be allowed yet. Dials of `place` that would be
   * refused wait until the returned function is called.
   */
  expect(place: Place): () => void;
  /** Resolves when nobody is about to allow `place`; `undefined` when nobody is. */
  awaited(place: Place): Promise<void> | undefined;
  /** Calls back after every change; the return value unsubscribes. */
  onChange(listener: () => void): () => void;
}

/** An allow list that starts with the kept `entries`; what isn't a target among them is left out. */
export function createAllowList(entries: Iterable<KeptTarget> = []): AllowList {
  return new Allowances(entries);
}

/** The one spelling of a place: type, lower-case host without brackets and trailing dot (or network), port. */
export function placeKey(place: Place): string | undefined {
  if (place.type === 'unix') return place.port === 0 && isUnixPath(place.host) ? `unix ${place.host}` : undefined;
  if (!isPort(place.port)) return undefined;
  const transport = place.udp === true ? 'udp ' : '';
  if (place.type === 'agent') return `${transport}agent ${place.port}`;
  if (place.type === 'subnet') {
    const network = parseCidr(place.subnet ?? '');
    return network === undefined ? undefined : `${transport}subnet ${network.text} ${place.port}`;
  }
  const host = dialName(place.host);
  return host === '' || host.length > 253 ? undefined : `${transport}${place.type} ${authority(host, place.port)}`;
}

/** The entries of one kind, by place and service. */
class Entries {
  readonly #places = new Map<string, Map<string, AllowedTarget>>();
  /** Networks among the places, by the place's key. */
  readonly #networks = new Map<string, { readonly cidr: Cidr; readonly port: number; readonly udp: boolean }>();
  size = 0;

  /** Whether the list holds the entry now, and whether it is new. */
  add(key: string, target: AllowedTarget): 'new' | 'known' | 'full' {
    const services = this.#places.get(key);
    if (services?.has(target.service) === true) return 'known';
    if (this.size >= ALLOWED_LIMIT) return 'full';
    if (services === undefined) this.#open(key, target);
    else services.set(target.service, target);
    this.size++;
    return 'new';
  }

  #open(key: string, target: AllowedTarget): void {
    this.#places.set(key, new Map([[target.service, target]]));
    const cidr = target.type === 'subnet' ? parseCidr(target.subnet ?? '') : undefined;
    if (cidr !== undefined) this.#networks.set(key, { cidr, port: target.port, udp: target.udp === true });
  }

  delete(key: string, service: string): boolean {
    const services = this.#places.get(key);
    if (services?.delete(service) !== true) return false;
    this.size--;
    if (services.size > 0) return true;
    this.#places.delete(key);
    this.#networks.delete(key);
    return true;
  }

  /** Whether there was anything to forget. */
  forget(service: string): boolean {
    const before = this.size;
    for (const key of [...this.#places.keys()]) this.delete(key, service);
    return this.size < before;
  }

  holds(target: AskedTarget): boolean {
    if (target.type === 'subnet') return this.#holdsAddress(target);
    const key = placeKey(target);
    return key !== undefined && this.#has(key, target.service);
  }

  /** Whether a network that `target`, of type `subnet`, lies in may be reached. */
  #holdsAddress(target: AskedTarget): boolean {
    const host = dialName(target.host);
    for (const [key, { cidr, port, udp }] of this.#networks)
      if (port === target.port && udp === (target.udp === true) && this.#has(key, target.service))
        if (cidrContains(cidr, host)) return true;
    return false;
  }

  #has(key: string, service: string | undefined): boolean {
    const services = this.#places.get(key);
    return services !== undefined && (service === undefined || services.has(service));
  }

  *[Symbol.iterator](): IterableIterator<AllowedTarget> {
    for (const services of this.#places.values()) yield* services.values();
  }
}

class Allowances implements AllowList {
  readonly #lasting = new Entries();
  readonly #passing = new Entries();
  /** Of an earlier version, by place: not bound to a service yet. */
  readonly #unbound = new Map<string, KeptTarget>();
  /** Places that something is being made for, how often, and who waits for that. */
  readonly #expected = new Map<string, { count: number; readonly done: PromiseWithResolvers<void> }>();
  readonly #listeners = new Set<() => void>();

  constructor(entries: Iterable<KeptTarget>) {
    for (const { service, ...place } of entries) {
      const key = placeKey(place);
      if (key === undefined) continue;
      if (service !== undefined) this.#lasting.add(key, { ...place, service });
      else if (this.#unbound.size < ALLOWED_LIMIT) this.#unbound.set(key, place);
    }
  }

  isAllowed(target: AskedTarget): boolean {
    return this.#lasting.holds(target) || this.#passing.holds(target);
  }

  entries(): readonly KeptTarget[] {
    return [...this.#unbound.values(), ...this.#lasting];
  }

  allow(target: AllowedTarget): boolean {
    // What still waits to be bound is kept, too.
    if (this.#lasting.size + this.#unbound.size >= ALLOWED_LIMIT && !this.#lasting.holds(target)) return false;
    return this.#add(this.#lasting, target);
  }

  allowForNow(target: AllowedTarget): boolean {
    return this.#add(this.#passing, target);
  }

  #add(entries: Entries, target: AllowedTarget): boolean {
    const key = placeKey(target);
    const added = key === undefined ? 'full' : entries.add(key, target);
    if (added === 'new') this.#changed();
    return added !== 'full';
  }

  revoke(target: AllowedTarget): void {
    const key = placeKey(target);
    if (key !== undefined && this.#lasting.delete(key, target.service)) this.#changed();
  }

  forget(service: string): void {
    const lasting = this.#lasting.forget(service);
    if (this.#passing.forget(service) || lasting) this.#changed();
  }

  bind(targets: () => Iterable<AllowedTarget>): boolean {
    if (this.#unbound.size === 0) return false;
    for (const target of targets()) {
      const key = placeKey(target);
      if (key !== undefined && this.#unbound.has(key)) this.#lasting.add(key, target);
    }
    this.#unbound.clear();
    this.#changed();
    return true;
  }

  expect(place: Place): () => void {
    const key = placeKey(place);
    if (key === undefined) return () => {};
    const expected = this.#expected.get(key) ?? { count: 0, done: Promise.withResolvers<void>() };
    this.#expected.set(key, expected);
    expected.count++;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (--expected.count > 0) return;
      this.#expected.delete(key);
      expected.done.resolve();
    };
  }

  awaited(place: Place): Promise<void> | undefined {
    if (this.#expected.size === 0) return undefined;
    const key = placeKey(place);
    return key === undefined ? undefined : this.#expected.get(key)?.done.promise;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
