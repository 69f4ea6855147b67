import { describe, expect, it } from 'vitest';
import { type TrayMenu, type TrayRow, trayMenu } from '../../../main/app/tray-menu.ts';
import { type AgentState, DEFAULT_PREFERENCES } from '../../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';

const service = (name: string, more: Partial<ServiceView> = {}): ServiceView => ({
  id: `id-${name}`,
  name,
  mode: 'http',
  domain: `${name}.localhost`,
  targets: [],
  enabled: true,
  passHostHeader: false,
  source: 'permanent',
  ownerId: 'a',
  createdAt: 0,
  status: 'active',
  urls: { https: `https://${name}.localhost:8443`, http: `http://${name}.localhost:8080` },
  ...more,
});

const state = (services: readonly ServiceView[], more: Partial<AgentState> = {}): AgentState => ({
  schema: 1,
  revision: 1,
  phase: 'ready',
  host: { kind: 'electron', version: '0', platform: 'linux', home: '/h' },
  edge: { kind: 'embedded', domain: 'localhost', process: 'running', link: { state: 'up', since: 0 } },
  services,
  servicesKnown: true,
  ports: [],
  portsKnown: true,
  trust: 'untrusted',
  vault: 'keychain',
  ...more,
});

const labels = (rows: readonly TrayRow[]): readonly string[] =>
  rows.map((row) => (row.kind === 'separator' ? '—' : row.label));
/** What is under the row that is named so. */
const rowNamed = (menu: TrayMenu, label: string): readonly TrayRow[] => {
  const row = menu.rows.find((one) => one.kind === 'submenu' && one.label === label);
  return row?.kind === 'submenu' ? row.rows : [];
};
const edge = (process: 'starting' | 'running' | 'stopped', link: AgentState['edge']['link']['state']) => ({
  edge: { kind: 'embedded' as const, domain: 'localhost', process, link: { state: link, since: 0 } },
});

describe('the tray menu', () => {
  it('says first what is public, and what quitting takes offline', () => {
    const menu = trayMenu(state([service('vite'), service('api', { enabled: false, status: 'disabled' })]));
    expect(menu.mark).toBe('on');
    expect(menu.tooltip).toBe('Porthole: 1 service public');
    expect(labels(menu.rows)).toEqual([
      '1 service public',
      '—',
      'vite',
      'api (off)',
      '—',
      'Publish a port',
      'Pause everything',
      '—',
      'Open Porthole…',
      'Settings…',
      'Quit (1 service will go offline)',
    ]);
  });

  it('offers the URL that opens without a warning, and the switch', () => {
    const rowsOf = (trust: AgentState['trust']) => {
      const row = trayMenu(state([service('vite')], { trust })).rows[2];
      return row?.kind === 'submenu' ? row.rows : [];
    };
    expect(rowsOf('untrusted')).toEqual([
      { kind: 'words', label: 'http://vite.localhost:8080' },
      {
        kind: 'toggle',
        label: 'Public',
        checked: true,
        action: { do: 'set-enabled', id: 'id-vite', enabled: false },
      },
      { kind: 'action', label: 'Copy URL', action: { do: 'copy', text: 'http://vite.localhost:8080' } },
      { kind: 'action', label: 'Share…', action: { do: 'open-window', place: ['services', 'id-vite', 'share'] } },
      { kind: 'action', label: 'Open in browser', action: { do: 'open-url', url: 'http://vite.localhost:8080' } },
    ]);
    expect(rowsOf('trusted')[0]).toEqual({ kind: 'words', label: 'https://vite.localhost:8443' });
  });

  it('lists eight services, and leads to the window for the rest', () => {
    const menu = trayMenu(state(Array.from({ length: 9 }, (_, index) => service(`s${index}`))));
    expect(labels(menu.rows).slice(9, 11)).toEqual(['s7', 'All services…']);
  });

  it('keeps the word that tells the state, however long the name is', () => {
    const [, , row] = labels(trayMenu(state([service('x'.repeat(255), { enabled: false })])).rows);
    expect(row).toHaveLength(48);
    expect(row?.endsWith('… (off)')).toBe(true);
  });

  it('offers what listens by its program, and says who will see it', () => {
    const ports: AgentState['ports'] = [
      { port: 3000, addresses: ['127.0.0.1'], process: 'vite' },
      { port: 5432, addresses: ['192.168.1.20'] },
      { port: 8000, addresses: ['::'], process: 'python3', serviceId: 'x' },
    ];
    const row = rowNamed(trayMenu(state([], { ports })), 'Publish a port');
    expect(labels(row)).toEqual([
      'Public to anyone with the link',
      '—',
      'vite, port 3000',
      'Unknown process, port 5432',
    ]);
    expect(row.slice(2)).toMatchObject([
      { action: { do: 'publish', input: { port: 3000 } } },
      { action: { do: 'publish', input: { port: 5432, host: '192.168.1.20' } } },
    ]);
    const many = Array.from({ length: 200 }, (_, i) => ({ port: i + 1, addresses: [] }));
    expect(labels(rowNamed(trayMenu(state([], { ports: many })), 'Publish a port')).slice(-2)).toEqual([
      'Unknown process, port 12',
      'More ports…',
    ]);
    expect(labels(rowNamed(trayMenu(state([])), 'Publish a port'))).toEqual(['Nothing listens on this laptop']);
  });

  it('offers to pause or to resume, whichever fits, and quitting what is offline takes nothing more', () => {
    const menu = trayMenu(state([service('vite')], edge('running', 'paused')));
    expect(labels(menu.rows)).toContain('Resume');
    expect(labels(menu.rows)).not.toContain('Pause everything');
    expect(menu.rows).toContainEqual({ kind: 'action', label: 'Resume', action: { do: 'pause', paused: false } });
    expect(menu.rows.at(-1)).toMatchObject({ label: 'Quit', action: { do: 'quit' } });
  });

  it('names every place that a service of another laptop wants, before it can be allowed', () => {
    const guest = (id: string, targets: number, allowed = false) => ({
      id,
      name: id,
      domain: `${id}.example.com`,
      ownerId: 'b',
      ownerName: 'Bea',
      allowed,
      targets: Array.from({ length: targets }, (_, i) => ({
        id: `t${i}`,
        agentId: 'a',
        type: 'agent' as const,
        host: 'localhost',
        port: 3000 + i,
        protocol: 'http' as const,
        path: '/',
        enabled: true,
        skipTlsVerify: false,
        connectTimeout: 1000,
      })),
    });
    const menu = trayMenu(
      state([], {
        guests: [guest('wiki', 1), guest('big', 9), guest('known', 1, true), { ...guest('no', 1), refused: true }],
      }),
    );
    expect(labels(rowNamed(menu, '2 services wait to be allowed'))).toEqual([
      'Other laptops want to publish from this one',
      '—',
      'wiki (Bea)',
      'localhost:3000',
      'Allow',
      '—',
      'big (Bea)',
      'localhost:3000',
      'localhost:3001',
      'localhost:3002',
      'localhost:3003',
      'Look at it…',
    ]);
  });

  it('leads to the settings where a newer version is there', () => {
    const menu = trayMenu(state([], { update: { version: '2.0.0', state: 'available' } }));
    expect(menu.rows).toContainEqual({
      kind: 'action',
      label: 'Version 2.0.0 is there…',
      action: { do: 'open-window', place: ['settings'] },
    });
  });

  it('speaks the language that the user chose', () => {
    const preferences = { ...DEFAULT_PREFERENCES, language: 'de' as const };
    const menu = trayMenu(state([service('vite')], { preferences }));
    expect(menu.tooltip).toBe('Porthole: 1 Dienst öffentlich');
    expect(labels(menu.rows).at(-1)).toBe('Beenden (1 Dienst geht offline)');
  });

  it.each([
    ['connecting', edge('starting', 'connecting')],
    ['error', edge('stopped', 'down')],
    ['attention', edge('running', 'down')],
    ['connecting', edge('running', 'connecting')],
    ['off', edge('running', 'paused')],
    ['off', { phase: 'stopping' }],
  ] as const)('shows the mark %s for %o', (mark, more) => {
    expect(trayMenu(state([service('vite')], more)).mark).toBe(mark);
  });

  it('asks for attention when a service does not work', () => {
    const menu = trayMenu(state([service('vite', { status: 'error' })]));
    expect([menu.mark, labels(menu.rows)[0]]).toEqual(['attention', '1 service with a problem']);
  });
});
