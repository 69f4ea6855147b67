import { isDisplayName } from '../domain/display-name.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { encodeFrame } from './encode.ts';
import { FRAME, MAX_HELLO } from './frame.ts';

/** Version of the tunnel protocol that this code speaks. */
export const PROTOCOL = 1;
/** ALPN protocol id under which tunnels reach the edge's main port (RFC 7301). */
export const TUNNEL_ALPN = 'porthole/1';

/** The agent's first frame. */
export interface Hello {
  readonly protocol: number;
  readonly agentId: string;
  /** The secret that `join` handed out. Never logged. */
  readonly credential: string;
  /** Version of the agent's software, for people. */
  readonly version: string;
  /** The laptop's name, for people. */
  readonly name: string;
  /** The link that this connection is a carrier of: the agent's own random choice. Without one it is a link by itself. */
  readonly link?: string;
  /** The link's other carriers are well, and this one comes in addition: no reason to doubt them. */
  readonly grows?: boolean;
}

/** The edge's answer to a HELLO that it accepts. */
export interface Welcome {
  readonly protocol: number;
  readonly nodeId: string;
  readonly version: string;
  /** Most streams that the edge has open at once in this tunnel. */
  readonly maxStreams: number;
  /** How many carriers a link may have; with a `link` in the HELLO only, as all that follows. */
  readonly carriers?: number;
  /** The number of this one, which no other of the same link has or had. */
  readonly carrier?: number;
  /** Processes that the node consists of, each of which wants carriers of its own; and which of them this is, from 0. */
  readonly workers?: number;
  readonly worker?: number;
  /** The cluster's nodes, as far as this one knows: where else to link to. */
  readonly nodes?: readonly NodeAddress[];
}

/** Where a node of the cluster is dialled. */
export interface NodeAddress {
  readonly id: string;
  /** `HOST:PORT`, an IPv6 address in brackets. */
  readonly address: string;
}

/** Bounds of what a WELCOME may say. */
export const MOST_CARRIERS = 64;
export const MOST_WORKERS = 256;
export const MOST_NODES = 8;
/** Carriers of a link unless set otherwise. */
export const DEFAULT_CARRIERS = 8;

/** The ALPN id that asks for worker `worker` of a node; offered before `TUNNEL_ALPN`, seen only in the ClientHello. */
export const workerAlpn = (worker: number): string => `${TUNNEL_ALPN}+w${worker}`;

/** Which worker an ALPN id asks for. */
export function askedWorker(alpn: string): number | undefined {
  const [start, digits, ...rest] = alpn.split('+w');
  if (start !== TUNNEL_ALPN || digits === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(digits))
    return undefined;
  const worker = Number(digits);
  return worker < MOST_WORKERS ? worker : undefined;
}

/** Most streams of a tunnel that either side may agree to. */
export const MAX_STREAMS = 65_536;
/** Streams of a tunnel unless set otherwise. */
export const DEFAULT_MAX_STREAMS = 4096;

const isLinkId = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]{8,64}$/.test(value);

const isCount = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most;

/** A HELLO frame. Throws a RangeError past 4 KiB: its parts are bounded long before that. */
export const encodeHello = (hello: Hello): Uint8Array => encodeJson(FRAME.HELLO, hello);

/** A WELCOME frame. */
export const encodeWelcome = (welcome: Welcome): Uint8Array => encodeJson(FRAME.WELCOME, welcome);

/**
 * Parses a HELLO payload. An error is what to tell the peer: `version` when it speaks another protocol version (that
 * is looked at before anything else, since the rest may have changed), otherwise `malformed`.
 */
export function decodeHello(payload: Uint8Array): Result<Hello, 'malformed' | 'version'> {
  const value = decodeJson(payload);
  if (value === undefined || typeof value.protocol !== 'number') return err('malformed');
  if (value.protocol !== PROTOCOL) return err('version');
  const { agentId, credential, version, name, link, grows } = value;
  if (
    !isText(agentId, 64) ||
    !isText(credential, 256) ||
    !isText(version, 64) ||
    !isText(name, 255) ||
    !isDisplayName(name) ||
    (link !== undefined && !isLinkId(link)) ||
    (grows !== undefined && typeof grows !== 'boolean')
  )
    return err('malformed');
  return ok({
    protocol: PROTOCOL,
    agentId,
    credential,
    version,
    name,
    ...(link === undefined ? {} : { link }),
    ...(grows === undefined ? {} : { grows }),
  });
}

/** Parses a WELCOME payload; errors as `decodeHello`. */
export function decodeWelcome(payload: Uint8Array): Result<Welcome, 'malformed' | 'version'> {
  const value = decodeJson(payload);
  if (value === undefined || typeof value.protocol !== 'number') return err('malformed');
  if (value.protocol !== PROTOCOL) return err('version');
  const { nodeId, version, maxStreams } = value;
  if (!isText(nodeId, 64) || !isText(version, 64) || !isCount(maxStreams, 1, MAX_STREAMS)) return err('malformed');
  const place = decodePlace(value);
  if (place === undefined) return err('malformed');
  return ok({ protocol: PROTOCOL, nodeId, version, maxStreams, ...place });
}

/** Where in a link, a node and a cluster a carrier is. Empty from an edge that has no links; `undefined` if malformed. */
function decodePlace(value: Readonly<Record<string, unknown>>): Partial<Welcome> | undefined {
  const { carriers, carrier, workers = 1, worker = 0, nodes = [] } = value;
  if (carriers === undefined && carrier === undefined) return {};
  if (!isCount(carriers, 1, MOST_CARRIERS) || !isCount(carrier, 0, 0xffffffff)) return undefined;
  if (!isCount(workers, 1, MOST_WORKERS) || !isCount(worker, 0, workers - 1)) return undefined;
  if (!Array.isArray(nodes) || nodes.length > MOST_NODES) return undefined;
  const known: NodeAddress[] = [];
  for (const node of nodes as readonly unknown[]) {
    if (!isRecord(node) || !isText(node.id, 64) || !isText(node.address, 261)) return undefined;
    known.push({ id: node.id, address: node.address });
  }
  return { carriers, carrier, workers, worker, nodes: known };
}

function encodeJson(type: typeof FRAME.HELLO | typeof FRAME.WELCOME, value: object): Uint8Array {
  const text = JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (text.length > MAX_HELLO) throw new RangeError('handshake too long');
  const payload = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) payload[i] = text.charCodeAt(i);
  return encodeFrame(type, 0, payload);
}

/** A JSON object of printable ASCII, or `undefined`. */
function decodeJson(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let text = '';
  for (const char of payload) {
    if (char < 32 || char > 126) return undefined;
    text += String.fromCharCode(char);
  }
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
