import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Clock, pause, systemClock } from '../../shared/node/clock.ts';

/** What the metrics read, at the moment somebody asks. All plain numbers: nothing on a request's way touches them. */
export interface MetricSources {
  /** Monotonic totals since the start. */
  readonly totals: () => Readonly<Record<TotalName, number>>;
  /** Values of now. */
  readonly levels: () => Readonly<Record<LevelName, number>>;
  /** Answers to visitors by status class, `1xx` to `5xx`, since the start. */
  readonly responses: () => Readonly<Record<string, number>>;
  /** Requests, connections and datagrams that were not let in, by the reason, since the start. */
  readonly denied: () => Readonly<Record<string, number>>;
  /** What each bound has refused since the start. */
  readonly refused: () => Readonly<Record<string, number>>;
  /** When the certificate of each name ends, milliseconds since the epoch. */
  readonly certificateEnds: () => ReadonlyMap<string, number>;
}

/** Series that one metric may have. Of more names, those whose certificates end first are shown. */
const MOST_NAMES = 1_000;

const TOTALS = {
  connections_accepted: 'Connections taken on the public listeners.',
  connections_refused: 'Connections cut because of a cap.',
  connections_failed: 'Connections that ended before a ClientHello or TLS handshake was done.',
  accept_errors: 'Errors of accepting, such as running out of file descriptors.',
  requests: 'Requests of visitors, refused ones too.',
  direct_connections: 'Connections of TCP and TLS services.',
  direct_connections_refused: 'Connections of TCP and TLS services turned away because of a cap.',
  datagrams_dropped: 'Datagrams of UDP services dropped because of a cap.',
  tunnel_handshakes_refused: 'Agents turned away: bad handshakes, unknown credentials, too many tries.',
  access_records_dropped: 'Access log records that could not be kept.',
  worker_crashes: 'Worker processes that ended unasked.',
} as const;
type TotalName = keyof typeof TOTALS;

const LEVELS = {
  connections_open: 'Connections open on the public listeners.',
  direct_connections_open: 'Connections of TCP and TLS services open now.',
  udp_sessions_open: 'Sessions of UDP services open now.',
  service_ports: 'Ports that TCP, TLS and UDP services listen on.',
  agents_connected: 'Agents with at least one tunnel to this node.',
  tunnels_open: 'Tunnels of agents to this node.',
  streams_open: 'Streams open inside the tunnels.',
  services_routed: 'Services in the route table.',
  route_revision: 'Revision of the store that the route table has reached.',
  workers_serving: 'Worker processes that serve visitors; 0 where one process does everything.',
  certificates_loaded: 'Certificates from files in use.',
  certificates_unusable: 'Certificate files and folders that cannot be used as they are now.',
} as const;
type LevelName = keyof typeof LEVELS;

const namesOf = <T extends string>(table: Readonly<Record<T, string>>): readonly T[] => Object.keys(table) as T[];

/** Milliseconds between two looks at the event loop, which the figures of its lag include. */
const LOOP_PROBE = 100;
/** Looks after which there are such figures: the first only begins to count, and one is to spare. */
const FIRST_LOOKS = 3;

/** What `/metrics` answers. */
export interface Metrics {
  readonly contentType: string;
  /** Each metric as of now. */
  text(): Promise<string>;
}

/**
 * The metrics of an edge: each is filled in when it is asked for, from plain counters. Those of the process itself
 * begin with the first who asks: looking at the event loop wakes an idle laptop ten times a second.
 */
export function createMetrics(sources: MetricSources, clock: Clock = systemClock): Metrics {
  const registry = createRegistry(sources);
  let watching: Promise<void> | undefined;
  return {
    contentType: registry.contentType,
    async text() {
      watching ??= watchProcess(registry, clock);
      await watching;
      return registry.metrics();
    },
  };
}

async function watchProcess(registry: Registry, clock: Clock): Promise<void> {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PROBE });
  for (let look = 0; look < FIRST_LOOKS; look++) await pause(clock, LOOP_PROBE);
}

function createRegistry(sources: MetricSources): Registry {
  const registry = new Registry();
  for (const name of namesOf(TOTALS)) {
    new Counter({
      name: `porthole_${name}_total`,
      help: TOTALS[name],
      registers: [registry],
      collect() {
        this.reset();
        this.inc(sources.totals()[name]);
      },
    });
  }
  for (const name of namesOf(LEVELS)) {
    new Gauge({
      name: `porthole_${name}`,
      help: LEVELS[name],
      registers: [registry],
      collect() {
        this.set(sources.levels()[name]);
      },
    });
  }
  new Counter({
    name: 'porthole_responses_total',
    help: 'Answers to visitors by status class.',
    labelNames: ['class'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [label, value] of Object.entries(sources.responses())) this.inc({ class: label }, value);
    },
  });
  new Counter({
    name: 'porthole_denied_total',
    help: 'Requests, connections and datagrams that access rules or a login did not let in.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, value] of Object.entries(sources.denied())) this.inc({ code }, value);
    },
  });
  new Counter({
    name: 'porthole_refused_total',
    help: 'What was refused, cut or dropped at each bound.',
    labelNames: ['bound'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [bound, value] of Object.entries(sources.refused())) this.inc({ bound }, value);
    },
  });
  new Gauge({
    name: 'porthole_certificate_expiry_seconds',
    help: 'When the certificate of a name ends, in seconds since the epoch.',
    labelNames: ['name'],
    registers: [registry],
    collect() {
      this.reset();
      const ends = [...sources.certificateEnds()].sort(([, a], [, b]) => a - b).slice(0, MOST_NAMES);
      for (const [name, end] of ends) this.set({ name }, end / 1000);
    },
  });
  return registry;
}
