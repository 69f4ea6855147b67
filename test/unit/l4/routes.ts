import type { DirectRoute } from '../../../edge/visit.ts';
import { encodeOpen } from '../../../shared/wire/open.ts';

/** A route as the table would hold it; `port` is the target's. */
export function directRoute(id: string, more: Partial<DirectRoute> & { readonly port?: number } = {}): DirectRoute {
  const { port = 3000, ...rest } = more;
  const mode = rest.mode ?? 'tcp';
  return {
    serviceId: id,
    domain: `${id}.test`,
    mode,
    listenPort: 5000,
    target: {
      id: `${id}-target`,
      agentId: 'agent',
      label: `port ${port}`,
      prefix: '/',
      authority: `localhost:${port}`,
      open: encodeOpen({
        type: 'agent',
        host: 'localhost',
        port,
        tls: false,
        skipTlsVerify: false,
        ...(mode === 'udp' ? { udp: true } : {}),
        connectTimeout: 1000,
      }),
    },
    connectTimeout: 1000,
    idleTimeout: 10_000,
    proxyProtocol: false,
    ...rest,
  };
}
