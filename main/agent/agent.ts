import type { LinkState, LocalPort, NodeLink } from '../../shared/contract/agent-state.ts';
import type {
  ClusterInfo,
  GuestService,
  LogBatch,
  ServiceView,
  TargetReports,
  WatchEvent,
} from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import { createLifetime, type Lifetime } from '../../shared/node/lifetime.ts';
import { type Logger, silentLogger } from '../../shared/node/logger.ts';
import type { AllowList } from './allow-list.ts';
import { type ControlClient, createControlClient } from './control-client.ts';
import { createDatagramOrigin } from './datagram-origin.ts';
import type { EdgeAddress, EdgeTrust } from './edge-address.ts';
import { createEdgeDialler } from './edge-dialler.ts';
import { type EdgeFeed, keepFeed } from './edge-feed.ts';
import { createEdgeLinks, type EdgeLinks } from './edge-links.ts';
import type { ConnectionWatch } from './inspect/inspector.ts';
import type { TunnelDialler } from './link-tunnel.ts';
import type { PortFinder } from './local-ports.ts';
import { createOriginDialler } from './origin.ts';
import type { DialOrigin } from './origin-stream.ts';
import { directly, type FindWay } from './proxy-choice.ts';
import { createTargetWatch, type TargetWatch } from './target-watch.ts';
import { createTunnelDialler } from './tunnel-dialler.ts';
import { watchWake } from './wake-watch.ts';

export interface AgentOptions {
  readonly address: EdgeAddress;
  readonly trust: EdgeTrust;
  readonly agentId: string;
  /** `pha_…`, as joining handed it out. */
  readonly credential: string;
  /** What people call this machine. */
  readonly name: string;
  /** Version of this Porthole. */
  readonly version: string;
  /** The user's word on what may be reached. Owned by the caller. */
  readonly allowed: AllowList;
  /** Owned by the caller, who closes it. */
  readonly ports: PortFinder;
  /** Leads directly by default. */
  readonly findWay?: FindWay;
  /** Reads along what passes, where the user wants that. */
  readonly inspector?: ConnectionWatch;
  /** Ends the agent. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Everything that the agent knows, as of now. */
export interface AgentSnapshot {
  readonly link: LinkState;
  /** The links to single nodes, of which `link` is the sum. */
  readonly links: readonly NodeLink[];
  /** The cluster's facts, once the edge has told them. */
  readonly cluster?: ClusterInfo;
  /** Newest first; the last known ones while the edge is away. */
  readonly services: readonly ServiceView[];
  readonly servicesKnown: boolean;
  /** Services of other laptops with targets on this one, allowed or not. */
  readonly guests: readonly GuestService[];
  /** With the service that publishes each. */
  readonly ports: readonly LocalPort[];
  readonly portsKnown: boolean;
  /** What is wrong with this agent's targets, as reported to the edge. */
  readonly problems: TargetReports['problems'];
  /** Whether service changes arrive right now, and why not. */
  readonly feed: { readonly live: boolean; readonly failure?: Failure };
}

/** This laptop as a member of a cluster. */
export interface Agent extends AsyncDisposable {
  readonly control: ControlClient;
  /** Dials a target as for a visitor: only where it is allowed. */
  readonly dialOrigin: DialOrigin;
  snapshot(): AgentSnapshot;
  /** Calls back after every change, at most once a turn of the event loop; the return value unsubscribes. */
  onChange(listener: () => void): () => void;
  /** New lines of the access log; the edge is asked for them only while somebody listens. */
  onLogs(listener: (batch: LogBatch) => void): () => void;
  /** The host says that the machine woke up or changed networks. */
  resumed(): void;
  pause(): void;
  unpause(): void;
  /** Ends everything; resolves when it is over. Idempotent. */
  close(): Promise<void>;
}

/** An agent that begins to connect at once. Nothing it does throws; what is wrong shows in the snapshot. */
export function createAgent(options: AgentOptions): Agent {
  return new RunningAgent(options);
}

class RunningAgent implements Agent {
  readonly control: ControlClient;
  readonly dialOrigin: DialOrigin = (target, given) => this.#targets.dial(target, given);
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lifetime: Lifetime;
  readonly #link: EdgeLinks;
  readonly #feed: EdgeFeed;
  readonly #targets: TargetWatch;
  readonly #listeners = new Set<() => void>();
  readonly #logListeners = new Set<(batch: LogBatch) => void>();
  #tail: EdgeFeed | undefined;
  #cluster: ClusterInfo | undefined;
  #services: readonly ServiceView[] | undefined;
  #guests: readonly GuestService[] = [];
  #feedState: AgentSnapshot['feed'] = { live: false };
  #announced = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#lifetime = createLifetime(options.signal, (error) => this.#logger.error('The agent ended badly.', { error }));
    const { signal } = this.#lifetime;
    const { address, trust, credential, findWay = directly } = options;
    const dialler = createEdgeDialler(address, trust, { findWay });
    this.control = createControlClient({ address, trust, credential, dialler });
    this.#lifetime.defer(() => this.control.close());
    this.#targets = this.#watchTargets(signal);
    const datagrams = createDatagramOrigin(options.allowed, signal);
    const dialTo = (to: EdgeAddress): TunnelDialler =>
      createTunnelDialler({
        ...options,
        address: to,
        dialler: to === address ? dialler : createEdgeDialler(to, trust, { findWay }),
        clock: this.#clock,
        logger: this.#logger,
        dialOrigin: this.dialOrigin,
        datagrams,
      });
    this.#link = this.#keepLinks(dialTo);
    this.#feed = this.#keepServices(signal);
    this.#lifetime.defer(options.ports.onChange(() => this.#changed()));
    this.#lifetime.defer(watchWake({ clock: this.#clock, onWake: () => this.resumed() }));
  }

  #watchTargets(signal: AbortSignal): TargetWatch {
    const { agentId, allowed, ports } = this.#options;
    return createTargetWatch({
      agentId,
      allowed,
      ports,
      signal,
      clock: this.#clock,
      origin: createOriginDialler(allowed, signal),
      put: (reports) => this.control.putTargets(reports),
      onChange: () => this.#changed(),
    });
  }

  #keepLinks(dialTo: (address: EdgeAddress) => TunnelDialler): EdgeLinks {
    const link = createEdgeLinks({ home: this.#options.address, dialTo, clock: this.#clock });
    this.#lifetime.defer(() => link.close());
    let last = link.state.state;
    link.onChange(() => {
      const { state, failure } = link.state;
      if (state !== last) this.#logger.info(`The link to the edge is ${state}.`, { reason: failure?.message });
      if (state === 'up' && last !== 'up') {
        this.#targets.reportAnew();
        // Where a tunnel gets through, so does the control API.
        this.#hurry();
      }
      last = state;
      this.#changed();
    });
    return link;
  }

  #keepServices(signal: AbortSignal): EdgeFeed {
    return keepFeed({
      clock: this.#clock,
      signal,
      follow: (onOpen, given) => this.control.watch({ onOpen, onEvent: (event) => this.#onWatchEvent(event) }, given),
      onState: (state) => {
        this.#feedState = state;
        this.#targets.setEdgeOpen(state.live);
        // And where the control API gets through, so does a tunnel: no use in waiting any longer.
        if (state.live && this.#link.state.nextTryAt !== undefined) this.#link.resumed();
        this.#changed();
      },
    });
  }

  #onWatchEvent(event: WatchEvent): void {
    if (event.type === 'ping') return;
    if (event.type === 'cluster') {
      this.#cluster = event.cluster;
    } else {
      this.#services = [...event.services].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
      this.#guests = event.guests ?? [];
      this.#targets.setServices([
        ...this.#services,
        ...this.#guests.map(({ id, targets }) => ({ id, enabled: true, targets })),
      ]);
    }
    this.#changed();
  }

  snapshot(): AgentSnapshot {
    const services = this.#services ?? [];
    const found = this.#options.ports.ports();
    return {
      link: this.#link.state,
      links: this.#link.views,
      ...(this.#cluster === undefined ? {} : { cluster: this.#cluster }),
      services,
      servicesKnown: this.#services !== undefined,
      guests: this.#guests,
      ports: publishedPorts(found ?? [], services, this.#options.agentId),
      portsKnown: found !== undefined,
      problems: this.#targets.problems,
      feed: this.#feedState,
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onLogs(listener: (batch: LogBatch) => void): () => void {
    this.#logListeners.add(listener);
    if (!this.#lifetime.signal.aborted) this.#tail ??= this.#keepTail();
    return () => {
      this.#logListeners.delete(listener);
      if (this.#logListeners.size > 0) return;
      this.#tail?.close();
      this.#tail = undefined;
    };
  }

  #keepTail(): EdgeFeed {
    const onEvent = (batch: LogBatch): void => {
      for (const listener of [...this.#logListeners]) listener(batch);
    };
    return keepFeed({
      clock: this.#clock,
      signal: this.#lifetime.signal,
      follow: (onOpen, given) => this.control.tailLogs({ onOpen, onEvent }, given),
      onState: () => {},
    });
  }

  resumed(): void {
    this.#link.resumed();
    this.#feed.restart();
    this.#tail?.restart();
    void this.#options.ports.refresh();
  }

  #hurry(): void {
    this.#feed.hurry();
    this.#tail?.hurry();
  }

  pause(): void {
    this.#link.pause();
  }

  unpause(): void {
    this.#link.unpause();
  }

  #changed(): void {
    if (this.#announced || this.#lifetime.signal.aborted) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      if (this.#lifetime.signal.aborted) return;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  async close(): Promise<void> {
    await this.#lifetime[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The ports with the service that publishes each: the oldest enabled one, else the oldest. */
export function publishedPorts(
  ports: readonly LocalPort[],
  services: readonly ServiceView[],
  agentId: string,
): LocalPort[] {
  const byPort = new Map<number, ServiceView>();
  for (const service of [...services].sort((a, b) => a.createdAt - b.createdAt)) {
    for (const target of service.targets) {
      if (target.agentId !== agentId || target.type !== 'agent' || target.protocol === 'udp') continue;
      const holder = byPort.get(target.port);
      if (holder === undefined || (!holder.enabled && service.enabled)) byPort.set(target.port, service);
    }
  }
  return ports.map((port) => {
    const service = byPort.get(port.port);
    return service === undefined ? port : { ...port, serviceId: service.id };
  });
}
