import { isIP } from 'node:net';
import type { ClusterInfo } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { isDialHost } from '../../shared/domain/hostname.ts';
import { type Because, because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { authority } from '../../shared/domain/service.ts';

/** Where an edge is dialled, and the name it must prove to be. */
export interface EdgeAddress {
  /** A hostname or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The cluster domain, once known: sent as SNI and looked for in the certificate instead of `host`. */
  readonly domain?: string;
  /** Not the user named it but an edge. */
  readonly named?: boolean;
  /** Never to be dialled where only this machine or its own network can be. */
  readonly publicOnly?: boolean;
}

/** What makes an edge's certificate acceptable. With neither member: the system's and Node's public authorities. */
export interface EdgeTrust {
  /** Authorities in PEM; nothing else is trusted then. */
  readonly caPem?: string;
  /** SHA-256 of the DER of one certificate in the presented chain (authority or leaf), 64 lower-case hex digits. */
  readonly fingerprint?: string;
}

const refuse = (reason: Because, field: string): Result<never, Failure> =>
  err(failure('input_invalid', { reason }, field));

/** Reads `https://HOST[:PORT]` or `HOST[:PORT]` as people paste it; port 443 when left out. */
export function parseEdgeUrl(text: string): Result<EdgeAddress, Failure> {
  const trimmed = text.trim();
  if (trimmed === '') return refuse(because('edge_url_empty'), 'url');
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  let url: URL;
  try {
    url = new URL(full);
  } catch {
    return refuse(because('edge_url_odd', { text: trimmed.slice(0, 80) }), 'url');
  }
  if (url.protocol !== 'https:')
    return refuse(because('edge_url_scheme', { scheme: url.protocol.slice(0, -1) }), 'url');
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return refuse(because('edge_url_more'), 'url');
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = url.port === '' ? 443 : Number(url.port);
  if (port < 1) return err(failure('port_invalid', { port }, 'url'));
  if (!isDialHost(host)) return err(failure('host_invalid', { host }, 'url'));
  return ok({ host, port });
}

/** Reads a SHA-256 fingerprint: 64 hex digits, colons and a leading `SHA256:` or `sha256 Fingerprint=` allowed. */
export function parseFingerprint(text: string): Result<string, Failure> {
  const hex = text
    .trim()
    .toLowerCase()
    .replace(/^sha-?256(?: fingerprint)?\s*[:=]\s*/, '')
    .replace(/[:\s]/g, '');
  if (/^[0-9a-f]{64}$/.test(hex)) return ok(hex);
  return refuse(because('fingerprint_form'), 'fingerprint');
}

/**
 * What to trust after joining with `trust`: the cluster's private authority, if it has one, in place of a pin. The edge
 * that named it was verified by the pin, and an authority outlives every leaf that a pin may have been of. Without a
 * pin nothing changes: what public authorities vouch for needs no private one.
 */
export function lastingTrust(trust: EdgeTrust, cluster: Pick<ClusterInfo, 'caPem'>): EdgeTrust {
  return trust.fingerprint !== undefined && cluster.caPem !== undefined ? { caPem: cluster.caPem } : trust;
}

/** The address for people: `edge.example.com:443`. */
export const describeEdge = (address: EdgeAddress): string => authority(address.host, address.port);

/** The name for SNI (RFC 6066 section 3: never an IP address): the cluster domain, else the host if it is a name. */
export function edgeServerName(address: EdgeAddress): string | undefined {
  const name = address.domain ?? address.host;
  return isIP(name) === 0 ? name : undefined;
}
