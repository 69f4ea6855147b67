import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { dialName } from '../../shared/domain/hostname.ts';
import { sayReason } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';
import { addressesOf, raceFound } from './address-race.ts';
import { publicAuthorities } from './certificates.ts';
import { errorCode, isUnresolved, untrustedReason } from './dial-error.ts';
import { BOTH_LOOPBACKS, type LoopbackMemory } from './loopback.ts';

/** What the edge may ask for as a connect timeout, in milliseconds. */
const TIMEOUT_BOUNDS = { least: 100, most: 120_000 } as const;

/** Why a target was not reached; `code` goes back to the edge, `reason` to the log. */
export interface OriginRefusal {
  readonly code: ResetCode;
  readonly reason: string;
}

export interface OriginConnection {
  readonly socket: Socket;
  /** Microseconds that look-up, TCP and TLS took. */
  readonly dialMicros: number;
  /** HTTP/2 was offered, and the origin chose it. */
  readonly http2: boolean;
}

/**
 * What a dial needs of an AbortSignal. A real one does; but it costs 10 microseconds to make and to abort, half of what
 * a dial costs altogether, and there is one for each visitor of a TCP service.
 */
export interface DialSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export const refusal = (code: ResetCode, reason: string): Result<never, OriginRefusal> => err({ code, reason });

/** How long a dial of this target may take, in milliseconds. */
export const boundedTimeout = ({ connectTimeout }: OpenRequest): number =>
  Math.min(TIMEOUT_BOUNDS.most, Math.max(TIMEOUT_BOUNDS.least, connectTimeout));

/**
 * Which addresses an attempt tries: those of the name side by side, one after the other, or just this one. `over`: none,
 * it goes on with a connection that is there.
 */
type Way =
  | { readonly kind: 'race' }
  | { readonly kind: 'patient' }
  | { readonly kind: 'known'; readonly host: string }
  | { readonly kind: 'over'; readonly socket: Socket };

const RACE: Way = { kind: 'race' };
const PATIENT: Way = { kind: 'patient' };

/**
 * Dials within the target's timeout. On loopback the address that answered last is dialled alone, and both again when
 * nothing listens there any more. Trying both gives up the first one after a moment; where that was merely busy (its
 * queue of new connections full) it is dialled again, alone, for as long as there is time.
 */
export async function dialOrigin(
  target: OpenRequest,
  signal: DialSignal,
  memory: LoopbackMemory,
): Promise<Result<OriginConnection, OriginRefusal>> {
  const limit = boundedTimeout(target);
  const clock = { started: performance.now(), limit };
  if (target.type === 'domain' || (target.type === 'host' && isIP(dialName(target.host)) === 0))
    return dialNamed(target, signal, clock);
  const host = target.type === 'agent' ? memory.recall(target.port) : undefined;
  if (host !== undefined) {
    const direct = await attempt(target, signal, clock, { kind: 'known', host });
    if (direct !== 'hasty' && (direct.ok || direct.error.code !== RESET.REFUSED)) return direct;
    memory.forget(target.port);
  }
  const first = await attempt(target, signal, clock, RACE);
  if (first !== 'hasty') {
    if (first.ok && target.type === 'agent') memory.remember(target.port, first.value.socket.remoteAddress);
    return first;
  }
  const again = await attempt(target, signal, clock, PATIENT);
  return again === 'hasty' ? refusal(RESET.TIMEOUT, `no answer in ${limit} ms`) : again;
}

/** Dials the addresses of a name, as many as it takes, within one time for all of them. */
async function dialNamed(
  target: OpenRequest,
  signal: DialSignal,
  clock: DialClock,
): Promise<Result<OriginConnection, OriginRefusal>> {
  const connected = await connectNamed(target, signal, clock);
  if (!connected.ok) return connected;
  const done = await attempt(target, signal, clock, { kind: 'over', socket: connected.value });
  return done === 'hasty' ? refusal(RESET.BROKEN, 'the connection failed') : done;
}

function connectNamed(
  target: OpenRequest,
  signal: DialSignal,
  { started, limit }: DialClock,
): Promise<Result<Socket, OriginRefusal>> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(refusal(RESET.CANCELLED, 'the stream is gone'));
    const finish = (result: Result<Socket, OriginRefusal>): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      reaching.cancel();
      resolve(result);
    };
    const onAbort = (): void => finish(refusal(RESET.CANCELLED, 'the stream is gone'));
    const left = Math.max(0, Math.ceil(limit - (performance.now() - started)));
    const timer = setTimeout(() => finish(refusal(RESET.TIMEOUT, `no answer in ${limit} ms`)), left);
    signal.addEventListener('abort', onAbort, { once: true });
    const reaching = raceFound(addressesOf(dialName(target.host)), target.port, (outcome) =>
      finish(typeof outcome === 'string' ? err(originRefusal(outcome)) : ok(outcome)),
    );
  });
}

/**
 * Starts the connection. For TLS the name is what the certificate must carry; ALPN offers HTTP/2 only where the edge
 * wants it, since whoever chooses it is spoken to in it.
 */
function begin(
  target: OpenRequest,
  way: Way,
): { readonly socket: Socket; readonly ready: 'connect' | 'secureConnect' } {
  const name = target.type === 'agent' || target.type === 'unix' ? 'localhost' : dialName(target.host);
  const where = placeOf(target, way, name);
  if (!target.tls) return { socket: 'socket' in where ? where.socket : connectTcp(where), ready: 'connect' };
  const secure = {
    ...where,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ALPNProtocols: target.http2 === true ? ['h2', 'http/1.1'] : ['http/1.1'],
    ...(target.skipTlsVerify ? { rejectUnauthorized: false } : { secureContext: publicAuthorities() }),
  };
  return { socket: connectTls(secure), ready: 'secureConnect' };
}

function placeOf(target: OpenRequest, way: Way, name: string): NetConnectOpts | { readonly socket: Socket } {
  if (way.kind === 'over') return { socket: way.socket };
  if (target.type === 'unix') return { path: target.host, allowHalfOpen: true };
  return {
    host: way.kind === 'known' ? way.host : name,
    port: target.port,
    autoSelectFamily: way.kind === 'race',
    allowHalfOpen: true,
    noDelay: true,
    ...(target.type === 'agent' && way.kind !== 'known' ? BOTH_LOOPBACKS : {}),
  };
}

interface DialClock {
  readonly started: number;
  readonly limit: number;
}

/** `hasty`: one loopback address was given up before it had answered, and the other one refused. */
function attempt(
  target: OpenRequest,
  signal: DialSignal,
  { started, limit }: DialClock,
  way: Way,
): Promise<Result<OriginConnection, OriginRefusal> | 'hasty'> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(refusal(RESET.CANCELLED, 'the stream is gone'));
    const { socket, ready } = begin(target, way);
    const finish = (result: Result<OriginConnection, OriginRefusal> | 'hasty'): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off(ready, onReady).off('error', onError).off('close', onClose);
      // A destroyed socket may still report an error; nobody is interested any more.
      if (result === 'hasty' || !result.ok) socket.on('error', () => {}).destroy();
      resolve(result);
    };
    const onAbort = (): void => finish(refusal(RESET.CANCELLED, 'the stream is gone'));
    const onError = (error: unknown): void => {
      const hasty = way.kind === 'race' && target.type === 'agent' && wasHasty(error);
      finish(hasty ? 'hasty' : err(originRefusal(errorCode(error))));
    };
    const onClose = (): void => finish(refusal(RESET.BROKEN, 'the origin closed the connection'));
    const onReady = (): void => {
      const dialMicros = Math.round((performance.now() - started) * 1000);
      finish(ok({ socket, dialMicros, http2: socket instanceof TLSSocket && socket.alpnProtocol === 'h2' }));
    };
    // Whole milliseconds: Node keeps a list of timers for each duration, and these should share one.
    const left = Math.max(0, Math.ceil(limit - (performance.now() - started)));
    const timer = setTimeout(() => finish(refusal(RESET.TIMEOUT, `no answer in ${limit} ms`)), left);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on(ready, onReady).on('error', onError).on('close', onClose);
    if (way.kind === 'over' && !target.tls) onReady();
  });
}

/** Whether an address was given up rather than refused: Node then reports a timeout of that attempt. */
const wasHasty = (error: unknown): boolean =>
  error instanceof AggregateError && error.errors.some((single) => errorCode(single) === 'ETIMEDOUT');

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ENETDOWN',
  // There is no such Unix socket, or something else is in its place.
  'ENOENT',
  'ENOTDIR',
  'ENOTSOCK',
  'EPROTOTYPE',
]);

/** What an error code of a dial means to the edge. */
export function originRefusal(code: string): OriginRefusal {
  const doubt = untrustedReason(code);
  if (doubt !== undefined) return { code: RESET.UNTRUSTED, reason: `the certificate: ${sayReason(doubt)}` };
  if (isUnresolved(code)) return { code: RESET.UNRESOLVED, reason: code };
  if (code === 'ETIMEDOUT') return { code: RESET.TIMEOUT, reason: code };
  if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOBUFS' || code === 'ENOMEM')
    return { code: RESET.LIMIT, reason: code };
  // A Unix socket whose queue of new connections is full.
  if (code === 'EAGAIN') return { code: RESET.LIMIT, reason: code };
  if (UNREACHABLE.has(code)) return { code: RESET.REFUSED, reason: code };
  return { code: RESET.BROKEN, reason: code === '' ? 'the connection failed' : code };
}
