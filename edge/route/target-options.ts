import { plainHeaderName } from '../../shared/domain/custom-headers.ts';
import type { Target } from '../../shared/domain/service.ts';
import type { TargetNames, TargetOptions } from '../visit.ts';

/** How servers on the laptop itself call their own address: they listen on any of these, and redirect to it. */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '[::]']);

/** What is particular about `target`; `undefined` when nothing is. Worked out once a change, not once a request. */
export function targetOptions(target: Target, rewriteRedirects: boolean): TargetOptions | undefined {
  const { pathRewrite, responseTimeout, customHeaders = [] } = target;
  // Without a prefix there is nothing to strip or preserve.
  const preservePath = pathRewrite === 'preserve' && target.path !== '/';
  if (!preservePath && responseTimeout === undefined && customHeaders.length === 0 && !rewriteRedirects)
    return undefined;
  return {
    preservePath,
    headers: customHeaders.map(({ name, value }) => `${name}: ${value}\r\n`).join(''),
    replaced: new Set(customHeaders.map(({ name }) => plainHeaderName(name))),
    responseTimeout,
    names: rewriteRedirects ? namesOf(target) : undefined,
  };
}

function namesOf({ type, host, port, protocol }: Target): TargetNames {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const name = URL.parse(`http://${bracketed}/`)?.hostname ?? host;
  return {
    scheme: protocol === 'https' ? 'https' : 'http',
    hosts: type === 'agent' || type === 'unix' ? LOOPBACK : new Set([name.replace(/\.$/, '')]),
    port: port === 0 ? (protocol === 'https' ? 443 : 80) : port,
  };
}
