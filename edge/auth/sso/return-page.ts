import type { IncomingMessage } from 'node:http';
import { SSO_PATH } from '../../reserved-path.ts';
import type { ClusterKey } from '../cluster-key.ts';
import { AttemptSealer } from './attempt.ts';

/** Characters of what a provider sends back. */
const LONGEST = 8192;

/**
 * Where visitors come back to from a provider: one address for all services, because providers want to know it
 * beforehand. It sends them on to the service that they began at, which the sealed state names; nobody else can make
 * one up. `undefined` when the request is for something else.
 */
export function createReturnPage(
  key: ClusterKey,
): (
  request: IncomingMessage,
) => { readonly status: number; readonly headers: Record<string, string>; readonly body: string } | undefined {
  const sealer = new AttemptSealer(key);
  return ({ method, url = '' }) => {
    const at = url.indexOf('?');
    if (url.slice(0, at) !== RETURN_PATH || method !== 'GET' || url.length > LONGEST) return undefined;
    const query = url.slice(at + 1);
    const state = sealer.openState(new URLSearchParams(query).get('state') ?? '');
    if (state === undefined) return undefined;
    const headers = {
      location: `${state.origin}${RETURN_PATH}?${query}`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    };
    return { status: 302, headers, body: '' };
  };
}

/** The path that providers send visitors to, at the cluster's own name; and at each service, from there. */
export const RETURN_PATH = `${SSO_PATH}callback`;
