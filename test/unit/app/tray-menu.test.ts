import { describe, expect, it } from 'vitest';
import { type TrayRow, trayMenu } from '../../../main/app/tray-menu.ts';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
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
      'Open Porthole…',
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
      { kind: 'action', label: 'Copy URL', action: { do: 'copy', text: 'http://vite.localhost:8080' } },
      { kind: 'action', label: 'Open in browser', action: { do: 'open-url', url: 'http://vite.localhost:8080' } },
      {
        kind: 'toggle',
        label: 'Public',
        checked: true,
        action: { do: 'set-enabled', id: 'id-vite', enabled: false },
      },
    ]);
    expect(rowsOf('trusted')[0]).toEqual({ kind: 'words', label: 'https://vite.localhost:8443' });
  });

  it('lists eight services, and leads to the window for the rest', () => {
    const menu = trayMenu(state(Array.from({ length: 9 }, (_, index) => service(`s${index}`))));
    expect(labels(menu.rows).slice(9, 11)).toEqual(['s7', 'All services…']);
  });

  it('cuts a name that would push everything else off the screen', () => {
    const [, , row] = labels(trayMenu(state([service('x'.repeat(255))])).rows);
    expect(row).toHaveLength(48);
    expect(row?.endsWith('…')).toBe(true);
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
