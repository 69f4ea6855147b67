import type { Service } from '../../shared/domain/service.ts';

/** The `n`-th of many services that differ in nothing but their ids and domains. */
export const routedService = (n: number, name = 'app'): Service => ({
  id: `service-${n}`,
  name,
  mode: 'http',
  domain: `app-${n}.example.com`,
  targets: [
    {
      id: `target-${n}`,
      agentId: 'a1',
      type: 'agent',
      host: 'localhost',
      port: 3000,
      protocol: 'http',
      path: '/',
      enabled: true,
      skipTlsVerify: false,
      connectTimeout: 10_000,
    },
  ],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a1',
  createdAt: 0,
});
