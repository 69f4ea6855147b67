import { type Cidr, cidrContains, parseAddress } from '../shared/domain/cidr.ts';
import { plainAddress } from './peer.ts';

/** Entries of `X-Forwarded-For` that are looked at. Trusted proxies in a row are few. */
const MOST_HOPS = 32;

/** Whose request it is, as trusted proxies tell. */
export interface ForwardedClient {
  readonly address: string;
  /** The trusted proxies between, the nearest last. */
  readonly via: readonly string[];
}

/** The peers that speak for visitors, and may say for whom: by the PROXY protocol or, in HTTP, by `X-Forwarded-For`. */
export class TrustedProxies {
  readonly #networks: readonly Cidr[];

  constructor(networks: readonly Cidr[]) {
    this.#networks = networks;
  }

  trusts(address: string | undefined): boolean {
    return address !== undefined && this.#networks.some((network) => cidrContains(network, address));
  }

  /**
   * Who sent a request that `peer`, a trusted proxy, passes on with the value `forwardedFor`: the right-most entry that
   * is no trusted proxy's. What stands left of it anybody may have written. An entry that is no address says nothing,
   * and what lies behind it is not known: then the request is the last known proxy's own.
   */
  clientOf(peer: string, forwardedFor: string): ForwardedClient {
    const via: string[] = [];
    let address = plainAddress(peer);
    let end = forwardedFor.length;
    for (let hop = 0; hop < MOST_HOPS && end > 0 && this.trusts(address); hop++) {
      const comma = forwardedFor.lastIndexOf(',', end - 1);
      const entry = addressIn(forwardedFor.slice(comma + 1, end));
      if (entry === undefined) break;
      via.unshift(address);
      address = entry;
      end = comma;
    }
    return { address, via };
  }
}

/** The address in an entry: alone, with a port, or an IPv6 one in brackets, as proxies write them. */
function addressIn(entry: string): string | undefined {
  const text = entry.trim();
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([0-9.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  return parseAddress(bare) === undefined ? undefined : plainAddress(bare.toLowerCase());
}
