import type { LocalPort } from '../../shared/contract/agent-state.ts';
import { authority, type Target } from '../../shared/domain/service.ts';

/** A URL in the parts that the eye looks for. */
export interface UrlParts {
  readonly scheme: string;
  /** The name: what stands before the first dot. */
  readonly label: string;
  readonly domain: string;
  /** `:8443`, or nothing. */
  readonly port: string;
}

/** A URL cut where it may break: `https://` `app`, `.localhost`, `:8443`. */
export function splitUrl(url: string): UrlParts {
  const match = /^([a-z]+:\/\/)([^./:]+)([^:]*?)(:\d+)?\/?$/.exec(url);
  if (match === null) return { scheme: '', label: url, domain: '', port: '' };
  const [, scheme = '', label = '', domain = '', port = ''] = match;
  return { scheme, label, domain, port };
}

/** Where a service's traffic goes, for people: `localhost:3000`, `https://10.0.0.5:8443/api`. */
export function describeTarget(target: Target): string {
  const scheme = target.protocol === 'https' ? 'https://' : '';
  return `${scheme}${authority(target.host, target.port)}${target.path === '/' ? '' : target.path}`;
}

/** Addresses that a dial to `localhost` reaches. */
const LOOPBACK = /^(?:127\.0\.0\.1|::1|::ffff:127\.0\.0\.1|0\.0\.0\.0|::|\*)$/;

/** The host to dial for a detected port: absent when loopback reaches it, else the one address it listens on. */
export function dialHost(port: LocalPort): string | undefined {
  const reachable = port.addresses.length === 0 || port.addresses.some((address) => LOOPBACK.test(address));
  return reachable ? undefined : port.addresses[0];
}
