import type { PortholeApi } from '../../../shared/contract/ipc.ts';
import type { Scene } from './scenes.ts';

/** How a picture asks the fake for what main would push. */
export interface Puppet {
  readonly porthole: PortholeApi;
  readonly pushLive: () => void;
  readonly pushNews: () => void;
}

/**
 * Puts a `window.porthole` in the page that answers as `scene` says. It runs inside the browser, so it names nothing
 * outside itself.
 */
export function installFake(scene: Scene): void {
  const listeners: Record<string, Set<(value: unknown) => void>> = {
    state: new Set(),
    log: new Set(),
    notice: new Set(),
  };
  const emit = (event: string, value: unknown): void => {
    for (const listener of listeners[event] ?? []) listener(value);
  };
  let state = scene.state;
  const change = (next: Partial<Scene['state']>): void => {
    state = { ...state, ...next, revision: state.revision + 1 };
    emit('state', state);
  };
  const publish = (port: number): unknown => {
    const url = (scheme: string, at: number): string => `${scheme}://port-${port}.localhost:${at}/`;
    const made = {
      id: `s-port-${port}`,
      name: `port-${port}`,
      mode: 'http' as const,
      domain: `port-${port}.localhost`,
      targets: [],
      enabled: true,
      passHostHeader: false,
      source: 'permanent' as const,
      ownerId: 'a1',
      createdAt: Date.now(),
      status: 'active' as const,
      urls: { https: url('https', 8443), http: url('http', 8080) },
    };
    change({ services: [made, ...state.services] });
    return made;
  };
  const steps = [
    { store: 'System certificates', outcome: 'installed', note: 'Added to /usr/local/share/ca-certificates.' },
    { store: 'Chromium (NSS database)', outcome: 'already', note: 'It was there.' },
    {
      store: 'Firefox',
      outcome: 'failed',
      note: 'certutil is not installed. Import /home/ada/ca.pem under Settings, Certificates.',
    },
  ];
  const hour = 3_600_000;
  const link = (id: string, more: object): object => ({
    id,
    serviceId: 's-shop',
    createdAt: Date.now() - hour,
    expiresAt: Date.now() + 24 * hour,
    uses: 0,
    ...more,
  });
  const shares = [
    link('l1', { label: 'Client demo', maxUses: 1 }),
    link('l2', { label: 'The design team, for the review on Thursday afternoon', uses: 12 }),
    link('l3', { uses: 1, revokedAt: Date.now() }),
    link('l4', { label: 'Last week', expiresAt: Date.now() - hour, uses: 3 }),
  ];
  // biome-ignore lint/suspicious/noExplicitAny: a fake answers every channel with whatever the scene holds
  const answer = (channel: string, input: any): unknown => {
    if (channel === 'state:get') return state;
    if (channel === 'services:publish') return publish(input.port);
    if (channel === 'trust:install') return { trusted: false, steps };
    if (channel === 'shares:list') return shares;
    if (channel === 'shares:create')
      return {
        share: shares[0],
        url: 'https://shop.localhost:8443/.porthole/share/phs_3Kd92mQz7hT0xWvB1nLcYfRgJ5sAeU8oPiM4tZbCdEfGh1jK2',
      };
    if (channel === 'log:stats') return scene.stats;
    if (channel === 'inspector:list')
      return { ...(scene.inspector ?? { exchanges: [], unreadable: [], before: [] }), more: false };
    if (channel === 'inspector:get') return scene.inspector?.details[Number(input.id)] ?? null;
    if (channel !== 'log:query') return null;
    const from = Number(input.cursor ?? 0);
    const text = String(input.text ?? '');
    const found = scene.log.filter((line) => line.path.includes(text));
    const to = from + Number(input.limit);
    return { records: found.slice(from, to), ...(to < found.length ? { cursor: String(to) } : {}) };
  };
  Object.assign(window, {
    porthole: {
      call(channel: string, input: unknown): Promise<unknown> {
        const error = scene.refusals[channel];
        if (error !== undefined) return Promise.resolve({ ok: false, error });
        return Promise.resolve({ ok: true, value: answer(channel, input) });
      },
      on(event: string, listener: (value: unknown) => void): () => void {
        listeners[event]?.add(listener);
        return () => void listeners[event]?.delete(listener);
      },
    },
    pushNews() {
      emit('notice', {
        id: 1,
        kind: 'visitor',
        serviceId: 's-shop',
        title: 'The shop has its first visitor',
        body: 'From 203.0.113.7, DE.',
      });
      emit('notice', {
        id: 2,
        kind: 'certificate',
        serviceId: 's-api',
        title: 'api: its certificate failed',
        body: 'The authority refused the order: too many certificates for this name this week.',
      });
      emit('notice', { id: 3, kind: 'back', title: 'Back online', body: 'Visitors can reach your services again.' });
    },
    pushLive: () => emit('log', { type: 'records', records: [...scene.live].reverse(), dropped: scene.dropped }),
  });
}
