/** Made-up states of the application, one for each state of the screens that was designed. */
import type { AgentState, LocalPort } from '../../../shared/contract/agent-state.ts';
import type { LogStats, ServiceView } from '../../../shared/contract/control-api.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import type { Failure } from '../../../shared/domain/failure.ts';
import type { ServiceStatus } from '../../../shared/domain/status.ts';

/** What the page is given in place of main. JSON only: it is handed into the browser. */ import {
  type InspectorScene,
  inspectorScene,
} from './inspector-scene.ts';

export interface Scene {
  readonly state: AgentState;
  readonly log: readonly AccessRecord[];
  /** Lines that arrive when the scene calls for live ones. */
  readonly live: readonly AccessRecord[];
  readonly dropped: number;
  /** What the charts show. */
  readonly stats: LogStats;
  /** What the inspector holds. */
  readonly inspector?: InspectorScene;
  /** Calls that are refused, by channel. */
  readonly refusals: Readonly<Record<string, Failure>>;
}

const NOW = Date.now();

const service = (label: string, status: ServiceStatus = 'active', more: Partial<ServiceView> = {}): ServiceView => ({
  id: `s-${label}`,
  name: label,
  mode: 'http',
  domain: `${label}.localhost`,
  targets: [
    {
      id: `t-${label}`,
      agentId: 'a1',
      type: 'agent',
      host: 'localhost',
      port: 5173,
      protocol: 'http',
      path: '/',
      enabled: true,
      skipTlsVerify: false,
      connectTimeout: 10_000,
    },
  ],
  enabled: status !== 'disabled',
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a1',
  createdAt: NOW,
  status,
  urls: { https: `https://${label}.localhost:8443/`, http: `http://${label}.localhost:8080/` },
  ...more,
});

const PORTS: readonly LocalPort[] = [
  { port: 3000, addresses: ['127.0.0.1'], process: 'node', pid: 4711 },
  { port: 5173, addresses: ['::1'], process: 'vite', pid: 4712 },
  { port: 8000, addresses: ['0.0.0.0', '::'], process: 'python3', pid: 4713 },
  { port: 9229, addresses: ['192.168.1.20'] },
  { port: 55432, addresses: ['127.0.0.1'], process: 'a-process-with-a-remarkably-long-name-of-its-own', pid: 1 },
];

const BASE: AgentState = {
  schema: 1,
  revision: 1,
  phase: 'ready',
  host: { kind: 'electron', version: '0.1.0', platform: 'linux', home: '/home/ada/.local/share/porthole' },
  edge: {
    kind: 'embedded',
    domain: 'localhost',
    link: { state: 'up', since: NOW, roundTrip: 0.8 },
    process: 'running',
  },
  services: [],
  servicesKnown: true,
  portsKnown: true,
  ports: PORTS,
  trust: 'untrusted',
  vault: 'keychain',
};

const SERVICES: readonly ServiceView[] = [
  service('vite-5173'),
  service('api', 'error', { statusReason: 'Nothing listens on port 3000. Start your server, or change the port.' }),
  service('docs', 'disabled'),
  service('shop', 'pending', { name: 'The shop’s new front page' }),
  service('hooks', 'active', { source: 'ephemeral', expiresAt: NOW + 60_000 }),
];

const LONG = 'a-label-of-sixty-three-characters-which-is-the-most-there-can-b';

const PATHS = ['/', '/assets/index-4f9a.js', '/api/orders/18823/lines', '/favicon.ico', '/ws', '/login'];
const STATUSES = [200, 200, 304, 200, 404, 502, 301, 200, 0, 403];

const DIRECT = ['tcp', 'tls', 'udp'] as const;

/** A connection of a TCP, TLS or UDP service. */
const connection = (index: number, time: number): AccessRecord => ({
  id: `01jq${String(2_000_000 - index).padStart(22, '0')}`,
  time,
  kind: 'connection',
  serviceId: 's-db',
  agentId: '01jq5v3k9m2n4p6r8s0t2v4w6x',
  nodeId: '01jq5v3k9m2n4p6r8s0t2v4w6y',
  protocol: DIRECT[index % DIRECT.length] ?? 'tcp',
  secure: index % DIRECT.length === 1,
  method: '',
  host: 'db.localhost',
  path: '',
  status: 0,
  duration: 900 + index * 1300,
  firstByte: 2.1,
  tunnel: 1.2,
  origin: 0.9,
  bytesUp: 311 + index,
  bytesDown: 7919 * index,
  address: '203.0.113.7',
  ...(index % 2 === 0 ? {} : { failure: 'origin_refused' as const }),
});

function record(index: number, time: number): AccessRecord {
  const status = STATUSES[index % STATUSES.length] ?? 200;
  const origin = 1 + ((index * 37) % 400);
  return {
    id: `01jq${String(1_000_000 - index).padStart(22, '0')}`,
    time,
    kind: index % 23 === 0 ? 'open' : 'request',
    serviceId: index % 7 === 0 ? 's-api' : 's-vite-5173',
    agentId: '01jq5v3k9m2n4p6r8s0t2v4w6x',
    nodeId: '01jq5v3k9m2n4p6r8s0t2v4w6y',
    protocol: 'http/1.1',
    secure: index % 3 !== 0,
    method: index % 5 === 0 ? 'POST' : 'GET',
    host: 'vite-5173.localhost:8443',
    path: index % 11 === 0 ? `/a/very/long/path/${'segment/'.repeat(30)}` : (PATHS[index % PATHS.length] ?? '/'),
    status,
    duration: origin * 1.6 + 2,
    ...(status === 0 ? {} : { firstByte: origin + 1.5, edge: 0.4, tunnel: 1.1, origin }),
    bytesUp: index * 13,
    bytesDown: index * 7919,
    address: index % 2 === 0 ? '203.0.113.7' : '2001:db8::17',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36',
    ...(status === 502 ? { failure: 'origin_refused' as const } : {}),
    ...(status === 403 ? { failure: 'ip_restricted' as const, reason: 'The address lies in 203.0.113.0/24.' } : {}),
    ...(index % 4 === 1 ? { country: 'DE' } : {}),
    ...(index % 6 === 5 ? { auth: 'sso' as const, user: 'grace.hopper@example.com' } : {}),
    ...(index % 13 === 3 ? { auth: 'pin' as const } : {}),
    ...(index % 17 === 4 ? { observed: 'crowdsec_ban' as const } : {}),
  };
}

const records = (count: number): readonly AccessRecord[] =>
  Array.from({ length: count }, (_, index) => record(index, NOW - index * 1700));

/** Counts of a quarter of an hour, of which each 10 seconds saw `requests`. */
const stats = (requests: (index: number) => number): LogStats => ({
  bucket: 10_000,
  until: NOW,
  points: Array.from({ length: 90 }, (_, i) => {
    const n = requests(i);
    const point = {
      time: Math.ceil(NOW / 10_000) * 10_000 - (90 - i) * 10_000,
      requests: n,
      ok: n - Math.floor(n / 10) - Math.floor(n / 7) - (i % 30 === 20 ? Math.floor(n / 3) : 0),
      redirect: Math.floor(n / 10),
      clientError: Math.floor(n / 7),
      serverError: i % 30 === 20 ? Math.floor(n / 3) : 0,
      bytesUp: n * 311,
      bytesDown: n * 24_000 * (1 + (i % 5)),
    };
    return n === 0 ? point : { ...point, p50: 12 + (i % 11), p95: 60 + ((i * 37) % 90) };
  }),
});

/** More or less, with a rush and a pause. */
const BUSY = stats((i) => (i > 50 && i < 56 ? 0 : Math.round(18 + 14 * Math.sin(i / 9) + ((i * 7) % 9))));

const scene = (state: Partial<AgentState>, more: Partial<Scene> = {}): Scene => ({
  state: { ...BASE, ...state },
  log: [],
  live: [],
  dropped: 0,
  stats: stats(() => 0),
  refusals: {},
  ...more,
});

const failing = { code: 'edge_unreachable', message: 'Nothing answers at edge.example.com:443 (timed out).' } as const;

/** Services that are no web pages. */
const DIRECT_SERVICES: readonly ServiceView[] = [
  service('db', 'active', { mode: 'tcp', listenPort: 15432, urls: { direct: 'tcp://localhost:15432' } }),
  service('vault', 'active', { mode: 'tls', urls: { direct: 'tls://vault.localhost:8443' } }),
  service('dns', 'error', {
    mode: 'udp',
    listenPort: 12053,
    urls: { direct: 'udp://localhost:12053' },
    statusReason: 'The address 127.0.0.1:12053 is already in use. Stop what listens there, or choose another.',
  }),
];

/** A service that is protected and restricted in every way. */
const GUARDED: ServiceView = service('shop', 'active', {
  name: 'The shop’s new front page',
  rewriteRedirects: true,
  targets: [
    ...service('shop').targets,
    {
      id: 't-api',
      agentId: 'a2',
      type: 'subnet',
      host: '10.0.0.20',
      port: 8443,
      protocol: 'https',
      path: '/api',
      enabled: true,
      skipTlsVerify: true,
      connectTimeout: 10_000,
      subnet: '10.0.0.0/24',
      responseTimeout: 30_000,
      customHeaders: [{ name: 'X-Api-Key', value: 'not-so-secret' }],
    },
  ],
  auth: {
    password: true,
    pin: true,
    headers: [
      { id: 'h1', kind: 'basic', name: 'authorization', user: 'ci' },
      { id: 'h2', kind: 'custom', name: 'x-api-key' },
    ],
    sso: { provider: 'acme', groups: ['sales', 'support'] },
  },
  restrictions: {
    allowCidrs: ['10.0.0.0/8', '2001:db8::/32'],
    blockCidrs: ['10.66.0.0/16'],
    allowCountries: ['DE', 'AT', 'CH'],
    allowMatch: 'any',
    crowdsec: 'observe',
  },
  shares: 2,
});

const FINGERPRINT = '3f7a9c0e51d2b84477e6a1f09d3c5b28e4f6071829a3b4c5d6e7f8091a2b3c4d';

/** The edge of a company, with two nodes. */
const JOINED: AgentState['edge'] = {
  kind: 'joined',
  domain: 'tunnel.example.com',
  link: { state: 'up', since: NOW - 11_000_000, roundTrip: 12.4 },
  links: [
    {
      state: 'up',
      since: NOW - 11_000_000,
      roundTrip: 12.4,
      address: 'tunnel.example.com:443',
      carriers: 3,
      bytesUp: 48_213_004,
      bytesDown: 2_310_551,
      lastError: {
        at: NOW - 11_200_000,
        failure: { code: 'edge_unreachable', message: 'Nothing answers at tunnel.example.com:443 (timed out).' },
      },
    },
    {
      state: 'down',
      since: NOW - 40_000,
      address: 'node-2.a-rather-long-name-of-a-machine.tunnel.example.com:8443',
      carriers: 0,
      bytesUp: 0,
      bytesDown: 0,
      nextTryAt: NOW + 3_600_000,
      failure: { code: 'edge_unreachable', message: 'Nothing answers at node-2:8443 (the connection was refused).' },
    },
  ],
  cluster: {
    version: '0.1.0',
    nodeId: 'n1',
    operator: 'ACME IT',
    certificate: { kind: 'private', fingerprint: FINGERPRINT },
  },
};

const [WANTED] = service('x').targets;
const GUESTS: AgentState['guests'] =
  WANTED === undefined
    ? []
    : [
        {
          id: 'g1',
          name: 'status',
          domain: 'status.tunnel.example.com',
          ownerId: 'a2',
          ownerName: 'Grace’s ThinkPad',
          targets: [WANTED],
          allowed: true,
        },
        {
          id: 'g2',
          name: 'The printer’s web page, for everybody on the second floor',
          domain: 'printer.tunnel.example.com',
          ownerId: 'a3',
          ownerName: 'Linus',
          targets: [{ ...WANTED, id: 't2', type: 'host', host: '192.168.1.20', port: 80 }],
          allowed: false,
        },
        {
          id: 'g3',
          name: 'metrics',
          domain: 'metrics.tunnel.example.com',
          ownerId: 'a3',
          ownerName: 'Linus',
          targets: [WANTED],
          allowed: false,
          refused: true,
        },
      ];

const DIAGNOSED: AgentState['diagnosis'] = {
  startedAt: NOW - 9000,
  finishedAt: NOW - 8000,
  broken: 'port',
  steps: [
    {
      id: 'proxy',
      kind: 'proxy',
      state: 'ok',
      finding: 'proxy_variable',
      values: { variable: 'HTTPS_PROXY', proxy: 'proxy.example.com:3128' },
    },
    {
      id: 'name',
      kind: 'name',
      state: 'ok',
      finding: 'name_ok',
      values: { host: 'proxy.example.com', found: '203.0.113.9, 2001:db8::9' },
    },
    {
      id: 'port',
      kind: 'port',
      state: 'fail',
      finding: 'proxy_refused',
      values: { proxy: 'proxy.example.com:3128', at: 'tunnel.example.com:443', reason: 'it answers with status 403' },
    },
    { id: 'certificate', kind: 'certificate', state: 'skipped', finding: 'after_broken' },
    { id: 'clock', kind: 'clock', state: 'skipped', finding: 'after_broken' },
    { id: 'credential', kind: 'credential', state: 'skipped', finding: 'after_broken' },
    {
      id: 'tunnel',
      kind: 'tunnel',
      state: 'fail',
      finding: 'tunnel_down',
      values: {
        reason:
          'The proxy proxy.example.com:3128 does not lead to tunnel.example.com:443 (it answers with status 403). Ask who runs it to let you through, or leave the edge out with NO_PROXY if it can be reached directly.',
      },
    },
    { id: 'origin:1', kind: 'origin', state: 'running', service: 'vite-5173' },
    {
      id: 'origin:2',
      kind: 'origin',
      state: 'fail',
      service: 'api',
      finding: 'origin_refused',
      values: { target: 'localhost:3000' },
    },
    {
      id: 'origin:3',
      kind: 'origin',
      state: 'ok',
      service: 'docs',
      finding: 'origin_ok',
      values: { target: 'localhost:8000' },
    },
    { id: 'origin:4', kind: 'origin', state: 'waiting', service: 'shop' },
  ],
};

const PREVIEW: AgentState['join'] = { id: 'j1', state: 'asked', address: 'tunnel.example.com:443' };

/** Every scene by name. */
export const SCENES = {
  direct: scene({ services: DIRECT_SERVICES }, { log: [0, 1, 2, 3].map((i) => connection(i, NOW - i * 40_000)) }),
  unknown: scene({ servicesKnown: false, portsKnown: false, phase: 'starting' }),
  first: scene({}),
  bare: scene({ ports: [] }),
  one: scene({
    services: [service('vite-5173')],
    ports: PORTS.map((p, i) => (i === 1 ? { ...p, serviceId: 's-vite-5173' } : p)),
  }),
  mixed: scene({ services: SERVICES }),
  trusted: scene({ services: SERVICES.slice(0, 1), trust: 'trusted' }),
  able: scene({
    services: SERVICES,
    abilities: ['startAtLogin', 'notifications', 'updates'],
    preferences: {
      startAtLogin: true,
      notifications: true,
      checkForUpdates: true,
      quiet: { from: '22:00', to: '07:30' },
    },
    update: { version: '0.2.0', state: 'ready' },
    updateLook: { state: 'found', at: NOW - 600_000 },
  }),
  current: scene({ abilities: ['updates'], updateLook: { state: 'none', at: NOW - 180_000 } }),
  unanswered: scene({
    abilities: ['updates'],
    updateLook: { state: 'failed', at: NOW - 60_000, why: 'unusable' },
    update: { version: '0.2.0', state: 'failed', why: 'unreachable' },
  }),
  source: scene({ updatesOff: 'source' }),
  downloading: scene({
    services: SERVICES,
    abilities: ['startAtLogin', 'notifications', 'updates'],
    update: { version: '0.2.0', state: 'downloading', progress: 0.4 },
  }),
  many: scene({
    services: Array.from({ length: 30 }, (_, i) =>
      service(`app-${i + 1}`, i % 9 === 4 ? 'tunnel_not_created' : 'active'),
    ),
  }),
  long: scene({
    services: [
      service('long', 'error', {
        name: `A name of the greatest length ${'that anybody could think of '.repeat(8)}`.slice(0, 255),
        domain: `${LONG}.team.edge.example.com`,
        urls: { https: `https://${LONG}.team.edge.example.com/` },
        statusReason: `The certificate of https://${LONG}.internal.example.com:8443 is not trusted by the laptop. Trust it, or skip its verification.`,
      }),
      service(LONG, 'certificate_failed', {
        statusReason:
          'The authority refused the order: too many certificates for this name this week. It is tried again at 18:00.',
      }),
    ],
    edge: { kind: 'joined', domain: 'team.edge.example.com', link: { state: 'up', since: NOW, roundTrip: 41 } },
    trust: 'none',
  }),
  down: scene({
    services: SERVICES,
    edge: {
      kind: 'joined',
      domain: 'edge.example.com',
      link: { state: 'down', since: NOW, failure: failing, nextTryAt: NOW + 3_600_000 },
    },
    vault: 'memory',
  }),
  restarting: scene({
    services: SERVICES,
    edge: { ...BASE.edge, link: { state: 'connecting', since: NOW }, process: 'stopped' },
  }),
  damaged: scene({
    services: SERVICES.slice(0, 1),
    edge: {
      ...BASE.edge,
      notice: 'Another program uses port 8443 or 8080, so the addresses have other ports for now.',
    },
    settingsSetAside: '/home/ada/.local/share/porthole/settings.json.damaged-2026-11-21T04-20-00-000Z',
  }),
  log: scene(
    { services: SERVICES },
    {
      log: records(5000),
      live: Array.from({ length: 12 }, (_, i) => record(-1 - i, NOW + i)),
      dropped: 3,
      stats: BUSY,
    },
  ),
  guarded: scene({
    services: [GUARDED],
    edge: { ...BASE.edge, providers: [{ id: 'acme', name: 'Acme' }] },
  }),
  quiet: scene({ services: SERVICES }),
  refused: scene(
    { services: [] },
    {
      refusals: {
        'services:publish': {
          code: 'domain_taken',
          message:
            'The name shop.localhost is already taken by the service "shop". Choose another name, or remove that service first.',
          field: 'name',
        },
        'log:stats': {
          code: 'busy',
          message: 'Too many requests are under way. Try again in a moment.',
        },
        'log:query': {
          code: 'offline',
          message:
            'There is no connection to the edge right now (timed out). Your services are not reachable until it is back.',
        },
      },
    },
  ),
  joined: scene({ edge: JOINED, services: SERVICES, guests: GUESTS ?? [], trust: 'none' }),
  cut: scene({
    edge: {
      ...JOINED,
      link: { state: 'down', since: NOW - 40_000, failure: failing, nextTryAt: NOW + 3_600_000 },
      links: JOINED.links?.slice(1) ?? [],
    },
    services: SERVICES,
    diagnosis: DIAGNOSED,
    trust: 'none',
  }),
  paused: scene({ edge: { ...JOINED, link: { state: 'paused', since: NOW - 60_000 }, links: [] }, services: SERVICES }),
  inspected: scene({ services: SERVICES, inspecting: ['s-shop'] }, { inspector: inspectorScene('s-shop', NOW) }),
  watching: scene({ services: SERVICES, inspecting: ['s-shop', 's-api'] }),
  asked: scene({ join: PREVIEW }),
  checking: scene({ join: { ...PREVIEW, state: 'checking' } }),
  ready: scene({
    services: SERVICES,
    join: {
      ...PREVIEW,
      state: 'ready',
      domain: 'tunnel.example.com',
      version: '0.1.0',
      operator: 'ACME IT',
      certificate: { kind: 'private', fingerprint: FINGERPRINT },
    },
  }),
  unfit: scene({
    join: {
      ...PREVIEW,
      state: 'failed',
      failure: {
        code: 'edge_untrusted',
        message: 'The certificate of tunnel.example.com:443 is not trusted (its fingerprint is not the given one).',
      },
    },
  }),
} as const satisfies Record<string, Scene>;
export type SceneName = keyof typeof SCENES;
