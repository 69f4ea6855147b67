import type { Service, Target } from '../../shared/domain/service.ts';
import type { ChangeSet } from '../store/store.ts';

/** Guest targets that one laptop is told of: whoever makes more for it can't flood it. */
const GUESTS_SHOWN = 200;

/** A service of another laptop, with those of its targets that are on this one. */
export interface GuestService {
  readonly service: Service;
  readonly targets: readonly Target[];
}

/**
 * Targets on laptops that don't own their service: each such laptop's user has to allow them, so it must hear of
 * them, and whoever owns the service must hear how they are. Kept in step with the change feed; only services that
 * have such targets are held.
 */
export class GuestTargets {
  readonly #services = new Map<string, Service>();
  /** Agent → ids of services of others with targets on it, oldest first. */
  readonly #byAgent = new Map<string, Set<string>>();

  /** Takes in what has changed; yields the agents that this concerns as hosts. */
  apply(changes: ChangeSet): ReadonlySet<string> {
    const touched = new Set<string>();
    const named = new Set(changes.services.map((change) => change.id));
    if (changes.reset) for (const id of this.#services.keys()) if (!named.has(id)) this.#set(id, undefined, touched);
    for (const { id, service } of changes.services) this.#set(id, service, touched);
    return touched;
  }

  /** The enabled ones on `agentId`. */
  of(agentId: string): readonly GuestService[] {
    const guests: GuestService[] = [];
    let room = GUESTS_SHOWN;
    for (const id of this.#byAgent.get(agentId) ?? []) {
      const service = this.#services.get(id);
      if (service?.enabled !== true || room === 0) continue;
      const targets = service.targets.filter((t) => t.agentId === agentId && t.enabled).slice(0, room);
      room -= targets.length;
      if (targets.length > 0) guests.push({ service, targets });
    }
    return guests;
  }

  /** Who owns services with targets on `agentId`. */
  owners(agentId: string): ReadonlySet<string> {
    const ids = [...(this.#byAgent.get(agentId) ?? [])];
    return new Set(ids.flatMap((id) => this.#services.get(id)?.ownerId ?? []));
  }

  #set(id: string, service: Service | undefined, touched: Set<string>): void {
    const hosts = service === undefined ? new Set<string>() : hostsOf(service);
    const before = this.#services.get(id);
    for (const host of before === undefined ? [] : hostsOf(before)) {
      touched.add(host);
      if (hosts.has(host)) continue;
      const ids = this.#byAgent.get(host);
      ids?.delete(id);
      if (ids?.size === 0) this.#byAgent.delete(host);
    }
    for (const host of hosts) {
      touched.add(host);
      this.#byAgent.set(host, (this.#byAgent.get(host) ?? new Set()).add(id));
    }
    if (service !== undefined && hosts.size > 0) this.#services.set(id, service);
    else this.#services.delete(id);
  }
}

const hostsOf = (service: Service): Set<string> =>
  new Set(service.targets.map((t) => t.agentId).filter((agentId) => agentId !== service.ownerId));
