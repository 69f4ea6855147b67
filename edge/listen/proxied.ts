import type { Socket } from 'node:net';
import { type Cidr, cidrContains } from '../../shared/domain/cidr.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type Endpoint, MAX_PROXY_HEADER, parseProxyHeader } from '../proxy-header.ts';
import type { Admission } from './admission.ts';

/** Whether a peer may say by a PROXY protocol header for whom it speaks. */
const trusts = (proxies: readonly Cidr[], address: string | undefined): boolean =>
  proxies.length > 0 && address !== undefined && proxies.some((cidr) => cidrContains(cidr, address));

export interface ProxyTrust {
  readonly admission: Admission;
  readonly trustedProxies: readonly Cidr[];
  /** Told why a connection ended here. */
  readonly onRefused: (reason: string) => void;
  /** Milliseconds that a trusted proxy has for its header. */
  readonly time?: number | undefined;
}

/**
 * Admits a new connection, for whoever it comes from: the peer, or whom a trusted proxy names (`source` is then
 * theirs). `done` is called once, or not at all when the connection was refused. With `required`, a trusted proxy has
 * to send a header; without, its connection may begin like any other's.
 */
export function admitVia(
  { admission, trustedProxies, onRefused, time }: ProxyTrust,
  socket: Socket,
  done: (source: Endpoint | undefined) => void,
  required = false,
): void {
  if (!trusts(trustedProxies, socket.remoteAddress)) {
    if (admission.admit(socket)) done(undefined);
    return;
  }
  if (!admission.admitProxy(socket)) return;
  const onHeader = (source: Endpoint | undefined): void => {
    // Whoever speaks for many without saying for whom yet is not one source.
    if (source === undefined) admission.accepted++;
    else if (!admission.attribute(socket, source.address)) return;
    done(source);
  };
  readProxyHeader(socket, required, onHeader, onRefused, time);
}

/**
 * Takes a PROXY protocol header off the front of a connection; what follows it is put back unread. `done` is called
 * once, with what the header says or `undefined` when it says nothing or there is none (`required` is false, or the
 * first bytes are another protocol's); or not at all: the connection is then closed and `refused` told why.
 */
export function readProxyHeader(
  socket: Socket,
  required: boolean,
  done: (source: Endpoint | undefined) => void,
  refused: (reason: string) => void,
  time: number = DEFAULT_LIMITS.helloTime,
): void {
  let received: Buffer = Buffer.alloc(0);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('end', onLeft).off('close', onLeft);
  };
  const refuse = (reason: string): void => {
    stop();
    socket.destroy();
    refused(reason);
  };
  const onLeft = (): void => refuse('closed');
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const header = parseProxyHeader(received.subarray(0, MAX_PROXY_HEADER));
    if (header === undefined) return;
    if (header === 'malformed' || (header === 'absent' && required)) {
      refuse(`PROXY header ${header}`);
      return;
    }
    stop();
    const rest = header === 'absent' ? received : received.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    done(header === 'absent' ? undefined : header.source);
  };
  const timer = setTimeout(() => refuse('timeout'), time);
  socket.on('data', onData).on('end', onLeft).on('close', onLeft);
}
