import { isProtected } from '../../shared/domain/auth.ts';
import { isRestricting, type Restrictions } from '../../shared/domain/restrictions.ts';
import {
  authority,
  DEFAULT_IDLE_TIMEOUT,
  offersHttp2,
  type Service,
  type ServiceMode,
  type Target,
  targetLabel,
} from '../../shared/domain/service.ts';
import { encodeOpen, type OpenRequest } from '../../shared/wire/open.ts';
import type { Guard } from '../guard.ts';
import type { DirectRoute, Route, RouteTarget } from '../visit.ts';
import { PersistentMap } from './persistent-map.ts';
import { targetOptions } from './target-options.ts';

/** What a change of one service is: its new state, or `undefined` when it is gone. */
export interface ServiceChange {
  readonly id: string;
  readonly service: Service | undefined;
  /** Left out where everybody may come in. */
  readonly guard?: Guard | undefined;
}

/** What a change took away from visitors who are being served. */
export interface RouteDiff {
  /** Services that no longer serve at all: removed, switched off, or moved to another domain. */
  readonly ended: readonly string[];
  /** Targets that are gone while their service stays, by service id. */
  readonly endedTargets: ReadonlyMap<string, readonly string[]>;
  /** TCP, TLS and UDP services that came, went or changed; switched off ones are as good as gone. */
  readonly direct: readonly DirectChange[];
}

/** What became of one TCP, TLS or UDP service. */
export interface DirectChange {
  readonly before: DirectRoute | undefined;
  readonly after: DirectRoute | undefined;
}

/** A service in the table; `direct` in the modes that carry bytes as they are, while it is switched on. */
interface Entry extends Route {
  readonly mode: ServiceMode;
  readonly direct: DirectRoute | undefined;
}

/** All services as this node routes them, at one revision. Immutable: a change yields another table. */
export class RouteTable {
  readonly revision: number;
  readonly #byDomain: PersistentMap<Entry>;
  readonly #byId: PersistentMap<Entry>;

  private constructor(revision: number, byDomain: PersistentMap<Entry>, byId: PersistentMap<Entry>) {
    this.revision = revision;
    this.#byDomain = byDomain;
    this.#byId = byId;
  }

  static from(services: Iterable<Service>, revision: number): RouteTable {
    const routes = Array.from(services, (service) => toEntry(service, undefined));
    return new RouteTable(
      revision,
      PersistentMap.from(routes.map((r) => [r.domain, r])),
      PersistentMap.from(routes.map((r) => [r.serviceId, r])),
    );
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The route of the HTTP service at `domain` (lower-case, no trailing dot), in constant time. */
  lookup(domain: string): Route | undefined {
    const entry = this.#byDomain.get(domain);
    return entry?.mode === 'http' ? entry : undefined;
  }

  /** The route of the HTTP service with `id`. */
  route(id: string): Route | undefined {
    const entry = this.#byId.get(id);
    return entry?.mode === 'http' ? entry : undefined;
  }

  /** The route of the TCP, TLS or UDP service with `id`, while it is switched on. */
  direct(id: string): DirectRoute | undefined {
    return this.#byId.get(id)?.direct;
  }

  /** The TLS service at `domain` that listens on `port` (`undefined`: the main port), in constant time. */
  lookupTls(domain: string, port: number | undefined): DirectRoute | undefined {
    const direct = this.#byDomain.get(domain)?.direct;
    return direct?.mode === 'tls' && direct.listenPort === port ? direct : undefined;
  }

  /** Ids of all services. */
  *ids(): IterableIterator<string> {
    for (const route of this.#byId.values()) yield route.serviceId;
  }

  /** The table after `changes` (each service at most once) and what they took away. */
  update(
    changes: readonly ServiceChange[],
    revision: number,
  ): { readonly table: RouteTable; readonly diff: RouteDiff } {
    const domains = new Map<string, Entry | undefined>();
    const ids = new Map<string, Entry | undefined>();
    const ended: string[] = [];
    const endedTargets = new Map<string, readonly string[]>();
    const direct: DirectChange[] = [];
    for (const { id, service, guard } of changes) {
      const before = this.#byId.get(id);
      const after = service === undefined ? undefined : toEntry(service, guard);
      ids.set(id, after);
      // A domain that has passed to another service, in this batch or an earlier one, keeps its new owner.
      if (before !== undefined && before.domain !== after?.domain && !domains.get(before.domain))
        if (this.#byDomain.get(before.domain)?.serviceId === id) domains.set(before.domain, undefined);
      if (after !== undefined) domains.set(after.domain, after);
      if (before?.direct !== undefined || after?.direct !== undefined)
        direct.push({ before: before?.direct, after: after?.direct });
      if (before?.enabled !== true) continue;
      if (after?.enabled !== true || after.domain !== before.domain) ended.push(id);
      else {
        const gone = goneTargets(before, after);
        if (gone.length > 0) endedTargets.set(id, gone);
      }
    }
    const table = new RouteTable(revision, this.#byDomain.with(domains), this.#byId.with(ids));
    return { table, diff: { ended, endedTargets, direct } };
  }
}

/** Targets of `before` that `after` no longer has, or has under the same id but somewhere else. */
function goneTargets(before: Route, after: Route): readonly string[] {
  const kept = new Map(after.targets.map((t) => [t.id, t]));
  return before.targets.filter((t) => !sameTarget(t, kept.get(t.id))).map((t) => t.id);
}

const sameTarget = (a: RouteTarget, b: RouteTarget | undefined): boolean =>
  b !== undefined && a.agentId === b.agentId && a.prefix === b.prefix && Buffer.compare(a.open, b.open) === 0;

function toEntry(service: Service, guard: Guard | undefined): Entry {
  const targets = service.targets.filter((t) => t.enabled).map((t) => withOptions(service, t));
  return {
    serviceId: service.id,
    name: service.name,
    domain: service.domain,
    enabled: service.enabled,
    passHostHeader: service.passHostHeader,
    targets: targets.sort((a, b) => b.prefix.length - a.prefix.length),
    restrictions: restrictionsOf(service),
    guard: guard ?? (isProtected(service.auth) ? CLOSED : undefined),
    mode: service.mode,
    direct: toDirect(service),
  };
}

/** A service that says it is protected, and nobody knows how. */
const CLOSED: Guard = { methods: {}, secrets: undefined, shares: new Set(), publisher: '' };

/** Only what restricts anything: whoever restricts nothing shall not pay for being asked. */
const restrictionsOf = ({ restrictions }: Service): Restrictions | undefined =>
  isRestricting(restrictions) ? restrictions : undefined;

function toDirect(service: Service): DirectRoute | undefined {
  const { mode, enabled, domain, listenPort } = service;
  const target = service.targets.find((t) => t.enabled);
  if (mode === 'http' || !enabled || target === undefined) return undefined;
  return {
    serviceId: service.id,
    domain,
    mode,
    listenPort,
    target: toRouteTarget(service.id, target),
    connectTimeout: target.connectTimeout,
    idleTimeout: target.idleTimeout ?? DEFAULT_IDLE_TIMEOUT[mode],
    proxyProtocol: target.proxyProtocol === true,
    restrictions: restrictionsOf(service),
  };
}

function withOptions(service: Service, target: Target): RouteTarget {
  const options = service.mode === 'http' ? targetOptions(target, service.rewriteRedirects === true) : undefined;
  const plain = toRouteTarget(service.id, target);
  return options === undefined ? plain : { ...plain, options };
}

function toRouteTarget(service: string, target: Target): RouteTarget {
  const standardPort = target.protocol === 'https' ? 443 : 80;
  const address = target.type === 'unix' ? 'localhost' : authority(target.host, target.port);
  const open = {
    service,
    type: target.type,
    host: target.host,
    port: target.port,
    tls: target.protocol === 'https',
    skipTlsVerify: target.skipTlsVerify,
    ...(target.protocol === 'udp' ? { udp: true } : {}),
    connectTimeout: target.connectTimeout,
  };
  return {
    id: target.id,
    agentId: target.agentId,
    label: targetLabel(target),
    prefix: target.path.length > 1 ? target.path.replace(/\/+$/, '') || '/' : '/',
    // The default port is left out of Host, as clients of the origin would (RFC 9110 section 4.2.3).
    authority: target.port === standardPort ? authority(target.host, 0).slice(0, -2) : address,
    open: encodeOpen(open),
    ...http2Of(target, open),
  };
}

/** An https origin says in the handshake whether it speaks HTTP/2; of another one its user has to. */
function http2Of(target: Target, open: OpenRequest): Pick<RouteTarget, 'http2' | 'openHttp2'> {
  if (offersHttp2(target)) return { http2: 'alpn', openHttp2: encodeOpen({ ...open, http2: true }) };
  return target.protocol === 'http' && target.http2 === true ? { http2: 'prior' } : {};
}
