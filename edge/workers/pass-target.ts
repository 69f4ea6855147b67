import { isIP } from 'node:net';
import { TUNNEL_ALPN } from '../../shared/contract/control-api.ts';
import type { ClientHello } from '../listen/client-hello.ts';
import type { PassTarget } from './protocol.ts';

export interface Here {
  /** This worker's number. */
  readonly index: number;
  readonly count: number;
  /** The cluster's domain. */
  readonly domain: string;
}

/** Which process a connection has to be passed to; `undefined` when this worker is the one to serve it. */
export function passTarget(hello: ClientHello, { index, count, domain }: Here): PassTarget | undefined {
  const { serverName, alpn, worker } = hello;
  if (alpn.includes(TUNNEL_ALPN)) {
    return worker === undefined || worker === index || worker >= count ? undefined : worker;
  }
  const isApi = serverName === undefined || serverName === domain || isIP(serverName) !== 0;
  return isApi ? 'api' : undefined;
}
