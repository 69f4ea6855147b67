import { connect as connectTcp, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { dialName } from '../../shared/domain/hostname.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';
import type { AllowList } from './allow-list.ts';
import { publicAuthorities } from './certificates.ts';
import { errorCode, isUnresolved, untrustedReason } from './dial-error.ts';
import { LOOPBACK_ATTEMPT, loopbackLookup } from './loopback.ts';

/** Connections to origins that may be open, and dials that may be under way, at once. */
export const ORIGIN_SOCKETS = 8192;
export const ORIGIN_DIALS = 512;
/** Of these to one target; more wait for their turn. */
const DIALS_PER_TARGET = 128;
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
}

/** Connects to the targets that the user has allowed, and to nothing else. */
export interface OriginDialler {
  dial(target: OpenRequest, signal: AbortSignal): Promise<Result<OriginConnection, OriginRefusal>>;
  /** Connections open now. */
  readonly open: number;
}

/**
 * A dialler that asks `allowed` before every dial, and cuts what was opened to a target that is not allowed any more:
 * the edge keeps connections for later requests. Type `agent` never leaves loopback: its host is not even looked at,
 * and both loopback addresses are tried, since many servers listen on only one. Type `host` is resolved by the
 * system and dialled by happy eyeballs (RFC 8305). `signal` ends its interest in changes of the list.
 */
export function createOriginDialler(
  allowed: Pick<AllowList, 'isAllowed' | 'awaited' | 'onChange'>,
  signal: AbortSignal,
): OriginDialler {
  const open = new Map<Socket, OpenRequest>();
  const lines = new DialLines();
  let dialling = 0;
  let undecided = 0;

  /** Whether `target` is allowed, once whatever is just being made for it is there. */
  const decide = async (target: OpenRequest, given: AbortSignal): Promise<boolean> => {
    const decision = allowed.isAllowed(target) ? undefined : allowed.awaited(target);
    if (decision === undefined || undecided >= ORIGIN_DIALS) return allowed.isAllowed(target);
    undecided++;
    await Promise.race([decision, waitFor(boundedTimeout(target), given)]);
    undecided--;
    return allowed.isAllowed(target);
  };

  const stop = allowed.onChange(() => {
    for (const [socket, target] of open) if (!allowed.isAllowed(target)) socket.destroy();
  });
  signal.addEventListener('abort', stop, { once: true });

  return {
    get open() {
      return open.size;
    },
    async dial(target, given) {
      if (!(await decide(target, given))) return notAllowed();
      if (open.size + lines.waiting >= ORIGIN_SOCKETS || dialling >= ORIGIN_DIALS)
        return refusal(RESET.LIMIT, 'too many connections to origins');
      const done = await lines.enter(target);
      dialling++;
      const dialled = await attempt(target, given);
      dialling--;
      done();
      if (!dialled.ok) return dialled;
      const { socket } = dialled.value;
      if (!allowed.isAllowed(target)) {
        socket.on('error', () => {}).destroy();
        return notAllowed();
      }
      open.set(socket, target);
      socket.once('close', () => open.delete(socket));
      return dialled;
    },
  };
}

/**
 * Lets so many dials at a time go to one target; the others wait in line. A burst is then served in turn rather than
 * refused, and a target that never answers holds no more than its share of the dials.
 */
class DialLines {
  readonly #targets = new Map<string, { active: number; readonly line: (() => void)[] }>();
  waiting = 0;

  /** Resolves when it is this dial's turn, with what to call when the dial is over. */
  async enter({ type, host, port }: OpenRequest): Promise<() => void> {
    const key = `${type} ${host} ${port}`;
    const target = this.#targets.get(key) ?? { active: 0, line: [] };
    this.#targets.set(key, target);
    if (target.active < DIALS_PER_TARGET) target.active++;
    else {
      this.waiting++;
      await new Promise<void>((resolve) => target.line.push(resolve));
      this.waiting--;
    }
    return () => {
      const next = target.line.shift();
      if (next !== undefined) next();
      else if (--target.active === 0) this.#targets.delete(key);
    };
  }
}

const notAllowed = (): Result<never, OriginRefusal> =>
  refusal(RESET.NOT_ALLOWED, 'the user has not allowed this service that target');
const refusal = (code: ResetCode, reason: string): Result<never, OriginRefusal> => err({ code, reason });

const boundedTimeout = ({ connectTimeout }: OpenRequest): number =>
  Math.min(TIMEOUT_BOUNDS.most, Math.max(TIMEOUT_BOUNDS.least, connectTimeout));

/** Resolves after `ms` milliseconds, or when `signal` aborts. */
function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over, { once: true });
  });
}

/** Starts the connection. For TLS the name is what the certificate must carry; ALPN says HTTP/1.1, as we speak it. */
function begin(
  target: OpenRequest,
  patient: boolean,
): { readonly socket: Socket; readonly ready: 'connect' | 'secureConnect' } {
  const local = target.type === 'agent';
  const host = local ? 'localhost' : dialName(target.host);
  const where: TcpNetConnectOpts = {
    host,
    port: target.port,
    autoSelectFamily: !patient,
    ...(local ? { lookup: loopbackLookup, autoSelectFamilyAttemptTimeout: LOOPBACK_ATTEMPT } : {}),
  };
  const half = { ...where, allowHalfOpen: true, noDelay: true };
  if (!target.tls) return { socket: connectTcp(half), ready: 'connect' };
  const secure = {
    ...half,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
    ...(target.skipTlsVerify ? { rejectUnauthorized: false } : { secureContext: publicAuthorities() }),
  };
  return { socket: connectTls(secure), ready: 'secureConnect' };
}

/**
 * Dials within the target's timeout. Trying both loopback addresses gives up the first one after a moment; where that
 * was merely busy (its queue of new connections full) it is dialled again, alone, for as long as there is time.
 */
async function attempt(target: OpenRequest, signal: AbortSignal): Promise<Result<OriginConnection, OriginRefusal>> {
  const limit = boundedTimeout(target);
  const clock = { started: performance.now(), limit };
  const first = await attemptOnce(target, signal, clock, false);
  if (first !== 'hasty') return first;
  const again = await attemptOnce(target, signal, clock, true);
  return again === 'hasty' ? refusal(RESET.TIMEOUT, `no answer in ${limit} ms`) : again;
}

interface DialClock {
  readonly started: number;
  readonly limit: number;
}

/** `hasty`: one loopback address was given up before it had answered, and the other one refused. */
function attemptOnce(
  target: OpenRequest,
  signal: AbortSignal,
  { started, limit }: DialClock,
  patient: boolean,
): Promise<Result<OriginConnection, OriginRefusal> | 'hasty'> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(refusal(RESET.CANCELLED, 'the stream is gone'));
    const { socket, ready } = begin(target, patient);
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
      const hasty = !patient && target.type === 'agent' && wasHasty(error);
      finish(hasty ? 'hasty' : err(originRefusal(errorCode(error))));
    };
    const onClose = (): void => finish(refusal(RESET.BROKEN, 'the origin closed the connection'));
    const onReady = (): void => {
      const dialMicros = Math.round((performance.now() - started) * 1000);
      finish(ok({ socket, dialMicros }));
    };
    const left = Math.max(0, limit - (performance.now() - started));
    const timer = setTimeout(() => finish(refusal(RESET.TIMEOUT, `no answer in ${limit} ms`)), left);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once(ready, onReady).on('error', onError).on('close', onClose);
  });
}

/** Whether an address was given up rather than refused: Node then reports a timeout of that attempt. */
const wasHasty = (error: unknown): boolean =>
  error instanceof AggregateError && error.errors.some((single) => errorCode(single) === 'ETIMEDOUT');

/** What an error code of a dial means to the edge. */
export function originRefusal(code: string): OriginRefusal {
  const doubt = untrustedReason(code);
  if (doubt !== undefined) return { code: RESET.UNTRUSTED, reason: `the certificate: ${doubt}` };
  if (isUnresolved(code)) return { code: RESET.UNRESOLVED, reason: code };
  if (code === 'ETIMEDOUT') return { code: RESET.TIMEOUT, reason: code };
  if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOBUFS' || code === 'ENOMEM')
    return { code: RESET.LIMIT, reason: code };
  if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM', 'ENETDOWN'].includes(code))
    return { code: RESET.REFUSED, reason: code };
  return { code: RESET.BROKEN, reason: code === '' ? 'the connection failed' : code };
}
