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
}

/** The edge's answer to a HELLO that it accepts. */
export interface Welcome {
  readonly protocol: number;
  readonly nodeId: string;
  readonly version: string;
  /** Most streams that the edge has open at once in this tunnel. */
  readonly maxStreams: number;
}

/** Most streams of a tunnel that either side may agree to. */
export const MAX_STREAMS = 65_536;
/** Streams of a tunnel unless set otherwise. */
export const DEFAULT_MAX_STREAMS = 4096;

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
  const { agentId, credential, version, name } = value;
  if (
    !isText(agentId, 64) ||
    !isText(credential, 256) ||
    !isText(version, 64) ||
    !isText(name, 255) ||
    !isDisplayName(name)
  )
    return err('malformed');
  return ok({ protocol: PROTOCOL, agentId, credential, version, name });
}

/** Parses a WELCOME payload; errors as `decodeHello`. */
export function decodeWelcome(payload: Uint8Array): Result<Welcome, 'malformed' | 'version'> {
  const value = decodeJson(payload);
  if (value === undefined || typeof value.protocol !== 'number') return err('malformed');
  if (value.protocol !== PROTOCOL) return err('version');
  const { nodeId, version, maxStreams } = value;
  if (!isText(nodeId, 64) || !isText(version, 64) || typeof maxStreams !== 'number') return err('malformed');
  if (!Number.isInteger(maxStreams) || maxStreams < 1 || maxStreams > MAX_STREAMS) return err('malformed');
  return ok({ protocol: PROTOCOL, nodeId, version, maxStreams });
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
