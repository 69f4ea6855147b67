/** What the stage that asks visitors costs a request, in microseconds, by how the visitor comes in. */
import { Hasher } from '../../edge/auth/argon2.ts';
import { createAuth } from '../../edge/auth/auth.ts';
import { clusterKey } from '../../edge/auth/cluster-key.ts';
import { newKeyPair, SessionKeys } from '../../edge/auth/session-keys.ts';
import { type NewSession, Sessions } from '../../edge/auth/sessions.ts';
import type { OpenGuard } from '../../edge/guard.ts';
import { createStore } from '../../edge/store/create-store.ts';
import type { Route, Verdict, Visit } from '../../edge/visit.ts';
import { systemClock } from '../../shared/node/clock.ts';
import { silentLogger } from '../../shared/node/logger.ts';

export const AUTH_COST = 'auth-cost';

const ROUNDS = 9;

/** What a browser sends beside its cookies. */
const FIELDS = [
  'user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-language: en-US,en;q=0.9,de;q=0.8',
  'accept-encoding: gzip, deflate, br, zstd',
  'sec-fetch-site: same-origin',
  'sec-fetch-mode: navigate',
  'sec-fetch-dest: document',
  'referer: https://app.edge.test/somewhere',
]
  .map((line) => `${line}\r\n`)
  .join('');

const visitOf = (route: Route, fields: string): Visit => ({
  id: 'v',
  connection: { secure: true, localPort: 443, peerAddress: '192.0.2.1', serverName: route.domain },
  method: 'GET',
  host: route.domain,
  authority: route.domain,
  path: '/some/path',
  query: '',
  fields,
  accept: '*/*',
  route,
  target: undefined,
  identity: undefined,
  forwarded: undefined,
  note: undefined,
});

/** The best of some rounds of `count` calls of `work`; microseconds each. */
function best(count: number, work: (n: number) => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let n = 0; n < count; n++) work(n);
    return ((performance.now() - start) * 1000) / count;
  });
  return Math.min(...times);
}

/** Runs the case, prints its table, and hands each figure, beside the public service's, to `write`. */
export async function benchAuth(
  write: (name: string, against: string, ours: number, theirs: number, unit: string) => void,
): Promise<void> {
  const key = clusterKey(Buffer.alloc(32, 1));
  const store = createStore({ dataDir: ':memory:', serve: true });
  if (!store.ok) throw new Error(store.error.message);
  const hasher = new Hasher();
  const options = {
    store: store.value,
    routeOf: () => undefined,
    domain: 'edge.test',
    key,
    clock: systemClock,
    log: silentLogger,
    hasher,
  };
  const auth = createAuth(options);
  const token = await hasher.hash('token');
  const guard: OpenGuard = {
    methods: { pin: true, headers: [{ id: 'h', kind: 'bearer', name: 'authorization' }] },
    secrets: { epoch: 1, headers: { h: token }, ...newKeyPair(key) },
    shares: new Set(),
    publisher: '',
  };
  const open: Route = {
    serviceId: 's',
    name: 'App',
    domain: 'app.edge.test',
    enabled: true,
    passHostHeader: false,
    targets: [],
  };
  const route: Route = { ...open, guard };
  const sessions = new Sessions('https://edge.test', new SessionKeys(key), systemClock);
  const session: NewSession = { method: 'pin', subject: 'x' };
  const cookie = (): string =>
    `cookie: theme=dark; ${/: ([^;]+)/.exec(sessions.open(session, route, guard, true) ?? '')?.[1]}; lang=en\r\n`;
  const pass = (of: Route, fields: string): void => {
    if (auth.stage(visitOf(of, fields)) !== undefined) throw new Error('nobody came in');
  };
  const known = FIELDS + cookie();
  const fresh = Array.from({ length: 2000 * ROUNDS }, () => FIELDS + cookie());
  const header = `${FIELDS}authorization: Bearer token\r\n`;
  await first(auth.stage(visitOf(route, header)));
  let at = 0;
  const costs: readonly (readonly [string, number])[] = [
    ['public service', best(200_000, () => pass(open, FIELDS))],
    ['session, seen before', best(50_000, () => pass(route, known))],
    ['session, first request', best(2000, () => pass(route, fresh[at++] ?? ''))],
    ['header, seen before', best(50_000, () => pass(route, header))],
    ['nobody: 401', best(50_000, () => void auth.stage(visitOf(route, FIELDS)))],
    ['a session is made', best(2000, () => void sessions.open(session, route, guard, true))],
  ];
  const start = performance.now();
  for (let n = 0; n < 20; n++) await hasher.matches(token, 'wrong');
  const hash = (performance.now() - start) / 20;
  auth.close();
  await store.value.close();
  const base = costs[0]?.[1] ?? 0;
  console.log(`\n${AUTH_COST}: the stage that asks visitors, ${ROUNDS} rounds, the best of each`);
  console.log('                            µs/request');
  for (const [name, cost] of costs) {
    console.log(`  ${name.padEnd(26)}${cost.toFixed(2).padStart(10)}`);
    write(AUTH_COST, 'public', cost, base, `µs a request, ${name}`);
  }
  console.log(`  one comparison by Argon2id takes ${hash.toFixed(1)} ms of another thread`);
}

/** Header auth decides its first request later. */
async function first(verdict: Verdict): Promise<void> {
  if (typeof verdict === 'object' && verdict.kind === 'pending')
    await verdict.decide(Buffer.alloc(0), new AbortController().signal);
}
