import type { Bounds } from './bounds.ts';
import type { CertificateSet } from './certificates/certificate-set.ts';
import type { Direct } from './direct.ts';
import type { MetricSources } from './health/metrics.ts';
import type { RequestCounts } from './health/request-counts.ts';
import type { Admission } from './listen/admission.ts';
import type { RecordCounts } from './record/access-log.ts';
import type { RouteTable } from './route/table.ts';
import type { TunnelAcceptor } from './tunnels/acceptor.ts';
import type { TunnelRegistry } from './tunnels/registry.ts';

/** Where a node's counters are. */
export interface CountingParts {
  readonly admission: Pick<Admission, 'accepted' | 'refused' | 'open'>;
  readonly bounds: Pick<Bounds, 'counts'>;
  /** Connections that ended before anybody took them over, and errors of accepting. */
  readonly failures: { readonly connections: number; readonly accepts: number };
  readonly counts: Pick<RequestCounts, 'requests' | 'responses' | 'denied'>;
  readonly acceptor: Pick<TunnelAcceptor, 'refused'>;
  readonly recorder: { counts(): Pick<RecordCounts, 'dropped'> };
  readonly tunnels: Pick<TunnelRegistry, 'size' | 'count'>;
  readonly certificates: Pick<CertificateSet, 'counts' | 'expiries'>;
  readonly direct: {
    readonly relay: Pick<Direct['relay'], 'accepted' | 'refused' | 'open'>;
    readonly udp: Pick<Direct['udp'], 'dropped' | 'open'>;
    readonly ports: number;
  };
  readonly table: () => Pick<RouteTable, 'size' | 'revision'>;
  /** Only where there are any. */
  readonly workers?: { readonly crashes: number; readonly serving: readonly number[] };
}

/** What `/metrics` reads of a node, at the moment that somebody asks. */
export function nodeMetrics(parts: CountingParts): MetricSources {
  const { admission, bounds, failures, counts, acceptor, recorder, tunnels, certificates, direct, table, workers } =
    parts;
  return {
    totals: () => ({
      connections_accepted: admission.accepted,
      connections_refused: admission.refused,
      connections_failed: failures.connections,
      accept_errors: failures.accepts,
      requests: counts.requests,
      direct_connections: direct.relay.accepted,
      direct_connections_refused: direct.relay.refused,
      datagrams_dropped: direct.udp.dropped,
      tunnel_handshakes_refused: acceptor.refused,
      access_records_dropped: recorder.counts().dropped,
      worker_crashes: workers?.crashes ?? 0,
    }),
    levels: () => ({
      connections_open: admission.open,
      direct_connections_open: direct.relay.open,
      udp_sessions_open: direct.udp.open,
      service_ports: direct.ports,
      agents_connected: tunnels.size,
      tunnels_open: tunnels.count().tunnels,
      streams_open: tunnels.count().streams,
      services_routed: table().size,
      route_revision: table().revision,
      workers_serving: workers?.serving.length ?? 0,
      certificates_loaded: certificates.counts().loaded,
      certificates_unusable: certificates.counts().unusable,
    }),
    certificateEnds: () => certificates.expiries(),
    responses: () => counts.responses(),
    denied: () => counts.denied(),
    refused: () => bounds.counts(),
  };
}
