import type { Socket } from 'node:net';
import { because, type Reason } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { authority } from '../../shared/domain/service.ts';
import { raceTo } from './address-race.ts';
import { connectReason, errorCode } from './dial-error.ts';
import type { HttpProxy } from './proxy.ts';

/** Bytes that the head of a proxy's answer may have. */
export const HEAD_LIMIT = 8 * 1024;

/** Why a proxy has opened no way. */
export interface TunnelFault {
  readonly kind: 'unreached' | 'refused' | 'credentials';
  /** Without a secret and without the proxy's own words. */
  readonly reason: Reason;
}

/** The proxy knows other credentials than ours. */
export const NOT_TAKEN: TunnelFault = {
  kind: 'credentials',
  reason: because('proxy_not_taken'),
};

/** Where a way shall lead. */
export interface TunnelTarget {
  /** A hostname or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Has `proxy` open a way to `target` by CONNECT (RFC 9110 section 9.3.6); yields the socket that leads there, with
 * nothing of it read. Gives up after `limit` milliseconds, or when `signal` aborts.
 */
export function openTunnel(
  proxy: HttpProxy,
  target: TunnelTarget,
  signal: AbortSignal,
  limit: number,
): Promise<Result<Socket, TunnelFault>> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(err({ kind: 'unreached', reason: because('given_up') }));
    let socket: Socket | undefined;
    let received: Buffer = Buffer.alloc(0);
    const finish = (result: Result<Socket, TunnelFault>): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      reaching.cancel();
      socket?.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
      // Whoever uses the socket from now on learns of its end by what is on top of it.
      socket?.on('error', () => {});
      if (!result.ok) socket?.destroy();
      resolve(result);
    };
    const fail = (kind: TunnelFault['kind'], reason: Reason): void => finish(err({ kind, reason }));
    const onAbort = (): void => fail('unreached', because('given_up'));
    const onCode = (code: string): void => fail('unreached', connectReason(code));
    const onError = (error: unknown): void => onCode(errorCode(error));
    const onEnd = (): void => fail('unreached', because('closed_by_it'));
    const onData = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const answer = readAnswer(received);
      if (answer === 'more') return;
      const judged = judge(answer, proxy);
      if (!judged.ok) finish(judged);
      else if (socket !== undefined) {
        socket.pause();
        if (judged.value.length > 0) socket.unshift(judged.value);
        finish(ok(socket));
      }
    };
    const onConnected = (connected: Socket): void => {
      socket = connected;
      connected.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);
      connected.write(request(proxy, target));
    };
    const timer = setTimeout(() => fail('unreached', because('silent')), limit);
    signal.addEventListener('abort', onAbort, { once: true });
    const reaching = raceTo(proxy.host, proxy.port, (outcome) =>
      typeof outcome === 'string' ? onCode(outcome) : onConnected(outcome),
    );
  });
}

/** What came after the head of an answer that opens the way. */
function judge(answer: Answer | 'odd' | 'long', proxy: HttpProxy): Result<Buffer, TunnelFault> {
  if (answer === 'odd') return err({ kind: 'refused', reason: because('proxy_not_http') });
  if (answer === 'long') return err({ kind: 'refused', reason: because('proxy_answer_long') });
  const { status, rest } = answer;
  proxy.answered(status !== 407, performance.now());
  if (status >= 200 && status <= 299) return ok(rest);
  if (status !== 407) return err({ kind: 'refused', reason: because('proxy_status', { status }) });
  if (proxy.authorization !== undefined) return err(NOT_TAKEN);
  return err({ kind: 'credentials', reason: because('proxy_wants') });
}

function request({ authorization }: HttpProxy, { host, port }: TunnelTarget): string {
  const place = authority(host, port);
  const credentials = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${credentials}\r\n`;
}

/** A final answer, and what came after its head. */
interface Answer {
  readonly status: number;
  readonly rest: Buffer;
}

const BEGINNING = Buffer.from('HTTP/1.');
const HEAD_END = '\r\n\r\n';

/**
 * Reads the answer to a CONNECT out of all that has come: `more` while it isn't whole. Its fields mean nothing (RFC
 * 9110 section 9.3.6), and interim answers are passed over (section 15.2).
 */
export function readAnswer(bytes: Buffer, limit = HEAD_LIMIT): Answer | 'more' | 'odd' | 'long' {
  const beginning = bytes.subarray(0, BEGINNING.length);
  if (!beginning.equals(BEGINNING.subarray(0, beginning.length))) return 'odd';
  const end = bytes.subarray(0, limit).indexOf(HEAD_END);
  if (end === -1) return bytes.length < limit ? 'more' : 'long';
  const [, digits] = /^HTTP\/1\.[01] ([1-5]\d\d)(?:[ \r]|$)/.exec(bytes.toString('latin1', 0, end)) ?? [];
  if (digits === undefined) return 'odd';
  const status = Number(digits);
  const length = end + HEAD_END.length;
  const rest = bytes.subarray(length);
  return status < 200 && status !== 101 ? readAnswer(rest, limit - length) : { status, rest };
}
