import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { type Because, because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { workerAlpn } from '../../shared/wire/handshake.ts';
import { chainOf, fingerprintOf, isWithinValidity, publicAuthorities, readPem } from './certificates.ts';
import { errorCode, unreachableReason, untrustedReason } from './dial-error.ts';
import { describeEdge, type EdgeAddress, type EdgeTrust, edgeServerName } from './edge-address.ts';
import { alongRoutes, leadDirectly, leadThrough } from './edge-route.ts';
import { directly, type FindWay } from './proxy-choice.ts';

/** Milliseconds for finding the way, name look-up, proxy, TCP and TLS together. */
export const EDGE_DIAL_TIMEOUT = 10_000;

export interface DialOptions {
  /** What is to be spoken over the connection. */
  readonly purpose: 'control' | 'tunnel';
  /** The process of the node that it should reach, where a node has several; a wish that only a tunnel may have. */
  readonly worker?: number;
  readonly signal: AbortSignal;
}

/** A tunnel must be agreed on by ALPN; HTTP/1.1 is also what a server without ALPN speaks (RFC 7301 section 3.1). */
const PURPOSE = {
  control: { alpn: 'http/1.1', minVersion: 'TLSv1.2', agreed: (alpn: string | false | null) => alpn !== TUNNEL_ALPN },
  tunnel: { alpn: TUNNEL_ALPN, minVersion: 'TLSv1.3', agreed: (alpn: string | false | null) => alpn === TUNNEL_ALPN },
} as const;

/**
 * What a tunnel offers: AES with 128 bits (RFC 8446 section 9.1), which costs a sixth less than with the 256 bits that
 * a server would choose, and what serves machines without AES. Contexts made elsewhere keep their own list.
 */
const TUNNEL_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';

/** How one attempt judges the certificate. */
type Check =
  | { readonly kind: 'authorities'; readonly options: ConnectionOptions; readonly name: string | undefined }
  | { readonly kind: 'leaf'; readonly fingerprint: string }
  | { readonly kind: 'none' };

/** A connection to an edge. */
export interface EdgeConnection {
  /** Connected and verified. */
  readonly socket: TLSSocket;
  /** The edge's address as the system knows it; `undefined` where a proxy is in between, which alone knows it. */
  readonly remoteAddress: string | undefined;
}

/** Opens TLS connections to one edge that are verified before a byte is written to them. */
export interface EdgeDialler {
  /**
   * Fails with `edge_unreachable`, `edge_untrusted`, `edge_incompatible`, `edge_odd`, `proxy_invalid` or `proxy_failed`.
   */
  dial(options: DialOptions): Promise<Result<EdgeConnection, Failure>>;
}

export interface EdgeDiallerOptions {
  /** Asked anew for every connection; leads directly by default. A proxy sees TLS only, and where it leads. */
  readonly findWay?: FindWay;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * A dialler for `address` that accepts what `trust` describes.
 *
 * A pinned fingerprint is resolved by one connection that carries no data: it only fetches the chain. A certificate
 * whose SHA-256 is the pin is authentic whoever sent it. If it is the leaf, that exact certificate is asked for from
 * then on (its holder proves the key in the handshake); if it is an authority, it becomes the only one trusted and
 * OpenSSL verifies chain, validity, purpose and name as for any other.
 */
export function createEdgeDialler(
  address: EdgeAddress,
  trust: EdgeTrust,
  options: EdgeDiallerOptions = {},
): EdgeDialler {
  const surroundings = { findWay: options.findWay ?? directly, now: options.now ?? Date.now };
  let pinned: Check | undefined;

  async function judge(options: DialOptions): Promise<Result<Check, Failure>> {
    if (trust.fingerprint !== undefined) {
      if (pinned !== undefined) return ok(pinned);
      const found = await resolvePin(address, trust.fingerprint, options, surroundings);
      if (found.ok) pinned = found.value;
      return found;
    }
    if (trust.caPem === undefined)
      return ok({ kind: 'authorities', options: { secureContext: publicAuthorities() }, name: expectedName(address) });
    const authorities = readPem(trust.caPem);
    if (authorities.length === 0) return err(untrusted(address, because('ca_odd')));
    return ok(pinnedAuthority(address, authorities));
  }

  return {
    async dial(options) {
      const how = await judge(options);
      return how.ok ? attempt(address, how.value, options, surroundings) : how;
    },
  };
}

const untrusted = (address: EdgeAddress, reason: Because): Failure =>
  failure('edge_untrusted', { address: describeEdge(address), reason });

/** The name that the certificate must carry. */
const expectedName = (address: EdgeAddress): string => address.domain ?? address.host;

/**
 * Trust in authorities of the user's choice. One single self-made authority, dialled by IP address before the cluster
 * domain is known (joining), is taken to be the cluster's own: every certificate that it signed is the cluster's.
 */
function pinnedAuthority(address: EdgeAddress, authorities: readonly X509Certificate[]): Check {
  const [only] = authorities;
  const selfMade = authorities.length === 1 && only?.checkIssued(only) === true;
  const anyName = selfMade && address.domain === undefined && isIP(address.host) !== 0;
  return {
    kind: 'authorities',
    options: { ca: authorities.map((c) => c.toString()), allowPartialTrustChain: !selfMade },
    name: anyName ? undefined : expectedName(address),
  };
}

async function resolvePin(
  address: EdgeAddress,
  fingerprint: string,
  options: DialOptions,
  surroundings: Required<EdgeDiallerOptions>,
): Promise<Result<Check, Failure>> {
  const probe = await attempt(address, { kind: 'none' }, options, surroundings);
  if (!probe.ok) return probe;
  const { socket } = probe.value;
  const leaf = socket.getPeerX509Certificate();
  socket.destroy();
  const chain = leaf === undefined ? [] : chainOf(leaf);
  const index = chain.findIndex((certificate) => fingerprintOf(certificate) === fingerprint);
  const match = chain[index];
  if (match === undefined) return err(untrusted(address, because('fingerprint_other')));
  if (index === 0) return ok({ kind: 'leaf', fingerprint });
  if (!match.ca) return err(untrusted(address, because('fingerprint_of_other')));
  return ok(pinnedAuthority(address, [new X509Certificate(match.raw)]));
}

function connectionOptions(address: EdgeAddress, check: Check, options: DialOptions): ConnectionOptions {
  const serverName = edgeServerName(address);
  return {
    ...(serverName === undefined ? {} : { servername: serverName }),
    // The wish is read off the ClientHello; what is agreed on is the protocol behind it.
    ALPNProtocols: [
      ...(options.worker === undefined ? [] : [workerAlpn(options.worker)]),
      PURPOSE[options.purpose].alpn,
    ],
    minVersion: PURPOSE[options.purpose].minVersion,
    ...(options.purpose === 'tunnel' ? { ciphers: TUNNEL_CIPHERS } : {}),
    ...(check.kind === 'authorities'
      ? { ...check.options, checkServerIdentity: (_: string, cert: PeerCertificate) => identity(check.name, cert) }
      : { rejectUnauthorized: false }),
  };
}

const identity = (name: string | undefined, certificate: PeerCertificate): Error | undefined =>
  name === undefined ? undefined : checkServerIdentity(name, certificate);

/** One connection attempt under its own timeout, along whatever way leads there. */
async function attempt(
  address: EdgeAddress,
  check: Check,
  options: DialOptions,
  { findWay, now }: Required<EdgeDiallerOptions>,
): Promise<Result<EdgeConnection, Failure>> {
  const { signal } = options;
  const began = performance.now();
  const way = await findWay(address.host, address.port, signal);
  if (!way.ok) return way;
  const left = EDGE_DIAL_TIMEOUT - (performance.now() - began);
  return alongRoutes(way.value.routes, left, signal, async (route, limit) => {
    const from = performance.now();
    const direct = route === 'direct';
    const under = await (direct ? leadDirectly(address, signal, limit) : leadThrough(route, address, signal, limit));
    if (!under.ok) return under;
    const { remoteAddress } = under.value;
    const base = { under: under.value, limit: Math.max(1, limit - (performance.now() - from)), now };
    const secured = await secure(address, check, options, base);
    if (!secured.ok) return secured;
    return ok({ socket: secured.value, remoteAddress: direct ? remoteAddress : undefined });
  });
}

/** What TLS is spoken over, and for how long it may take. */
interface Base {
  /** Leads to the edge. */
  readonly under: Socket;
  /** Milliseconds. */
  readonly limit: number;
  readonly now: () => number;
}

/** Speaks TLS. The socket is handed out only after every check. */
function secure(
  address: EdgeAddress,
  check: Check,
  options: DialOptions,
  { under, limit, now }: Base,
): Promise<Result<TLSSocket, Failure>> {
  return new Promise((resolve) => {
    const at = describeEdge(address);
    if (options.signal.aborted) {
      under.destroy();
      return resolve(err(failure('edge_unreachable', { address: at, reason: because('given_up') })));
    }
    const socket = connect({ ...connectionOptions(address, check, options), socket: under });
    const finish = (result: Result<TLSSocket, Failure>): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose);
      // A destroyed socket may still report an error; nobody is interested any more.
      if (!result.ok) socket.on('error', () => {}).destroy();
      resolve(result);
    };
    const refuse = (code: 'edge_unreachable' | 'edge_untrusted' | 'edge_odd', reason: Because): void =>
      finish(err(failure(code, { address: at, reason })));
    const onAbort = (): void => refuse('edge_unreachable', because('given_up'));
    const onError = (error: unknown): void => finish(err(dialFailure(at, error)));
    const onClose = (): void => refuse('edge_unreachable', because('closed'));
    const timer = setTimeout(() => refuse('edge_unreachable', because('silent')), limit);
    options.signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError).on('close', onClose);
    socket.once('secureConnect', () => {
      const fault = check.kind === 'leaf' ? leafFault(socket, check.fingerprint, now()) : undefined;
      if (fault !== undefined) return refuse('edge_untrusted', fault);
      if (!PURPOSE[options.purpose].agreed(socket.alpnProtocol))
        return refuse('edge_odd', because('not_spoken', { protocol: PURPOSE[options.purpose].alpn }));
      finish(ok(socket));
    });
  });
}

function leafFault(socket: TLSSocket, fingerprint: string, now: number): Because | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined || fingerprintOf(leaf) !== fingerprint) return because('fingerprint_other');
  return isWithinValidity(leaf, now) ? undefined : because('not_within');
}

/** The failure of TLS with an edge that was reached. */
function dialFailure(address: string, error: unknown): Failure {
  const code = errorCode(error);
  const doubt = untrustedReason(code);
  if (doubt !== undefined) return failure('edge_untrusted', { address, reason: doubt });
  // The server refused our protocol by alert (RFC 7301 section 3.2): a Porthole of another version, or none.
  if (/NO_APPLICATION_PROTOCOL/.test(code))
    return failure('edge_incompatible', { address, reason: because('no_common_version') });
  const reason = unreachableReason(code);
  if (reason !== undefined) return failure('edge_unreachable', { address, reason });
  return failure('edge_odd', { address, reason: because('tls_failed') });
}
