import type { Socket } from 'node:net';
import type { Endpoint } from './proxy-header.ts';

/** Who is at the other end of `socket`; IPv4 that arrived over IPv6 is un-mapped. */
export const peerOf = (socket: Socket): Endpoint => ({
  address: plainAddress(socket.remoteAddress ?? ''),
  port: socket.remotePort ?? 0,
});

/** Where `socket` arrived. */
export const localOf = (socket: Socket): Endpoint => ({
  address: plainAddress(socket.localAddress ?? ''),
  port: socket.localPort ?? 0,
});

/** `::ffff:192.0.2.1` is 192.0.2.1 (RFC 4291 section 2.5.5.2); a zone says nothing to others. */
export const plainAddress = (address: string): string =>
  /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address.split('%', 1)[0] ?? '';

/**
 * Whom a source address stands for, when counting: IPv4-mapped IPv6 is un-mapped, IPv6 is cut to its /64, which is
 * what one customer gets and can change addresses within at will.
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((g) => Number.parseInt(g, 16).toString(16))
    .join(':');
}

/**
 * Makes `socket` show `peer` as its remote end from now on: what a trusted proxy said of it. Whoever asks the socket
 * (limits, logs, the control API) then sees the visitor, not the proxy.
 */
export function standInFor(socket: Socket, peer: Endpoint): void {
  Object.defineProperty(socket, 'remoteAddress', { value: peer.address });
  Object.defineProperty(socket, 'remotePort', { value: peer.port });
  Object.defineProperty(socket, 'remoteFamily', { value: peer.address.includes(':') ? 'IPv6' : 'IPv4' });
}
