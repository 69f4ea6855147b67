import type { AgentState, LinkState } from '../../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';

export const aService = (label: string, more: Partial<ServiceView> = {}): ServiceView => ({
  id: label,
  name: label,
  mode: 'http',
  domain: `${label}.localhost`,
  targets: [],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a',
  createdAt: 0,
  status: 'active',
  urls: { https: `https://${label}.localhost:8443/`, http: `http://${label}.localhost:8080/` },
  ...more,
});

export const aState = (more: Partial<AgentState> = {}, link: Partial<LinkState> = {}): AgentState => ({
  schema: 1,
  revision: 1,
  phase: 'ready',
  host: { kind: 'web', version: '0.1.0', platform: 'linux', home: '/home/ada' },
  edge: { kind: 'embedded', domain: 'localhost', link: { state: 'up', since: 0, ...link }, process: 'running' },
  services: [],
  servicesKnown: true,
  portsKnown: true,
  ports: [],
  trust: 'none',
  vault: 'keychain',
  ...more,
});
