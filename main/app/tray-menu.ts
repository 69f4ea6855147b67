/** The tray's menu as data: a pure function of the state, so that every shell and every test sees the same rows. */
import { type AgentState, offeredUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';

/** What a row does when it is chosen. */
export type TrayAction =
  | { readonly do: 'open-window' }
  | { readonly do: 'copy'; readonly text: string }
  | { readonly do: 'open-url'; readonly url: string }
  | { readonly do: 'set-enabled'; readonly id: string; readonly enabled: boolean }
  | { readonly do: 'quit' };

export type TrayRow =
  | { readonly kind: 'words'; readonly label: string }
  | { readonly kind: 'separator' }
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'toggle'; readonly label: string; readonly checked: boolean; readonly action: TrayAction }
  | { readonly kind: 'submenu'; readonly label: string; readonly rows: readonly TrayRow[] };

export interface TrayMenu {
  /** Which face of the mark to show; the shape tells the state, not only the colour. */
  readonly mark: 'off' | 'connecting' | 'on' | 'attention' | 'error';
  readonly tooltip: string;
  readonly rows: readonly TrayRow[];
}

const SERVICES_LISTED = 8;
/** Some hosts cut or wrap long rows; a name of 255 characters would push everything else off the screen. */
const LABEL_LENGTH = 48;

const short = (text: string): string => (text.length > LABEL_LENGTH ? `${text.slice(0, LABEL_LENGTH - 1)}…` : text);

function standing(state: AgentState): Pick<TrayMenu, 'mark'> & { readonly words: string } {
  const { edge, services } = state;
  if (state.phase === 'stopping') return { mark: 'off', words: 'Stopping' };
  if (edge.process === 'stopped') return { mark: 'error', words: 'The edge stopped, starting it again' };
  if (state.phase === 'starting' || edge.process === 'starting') return { mark: 'connecting', words: 'Starting' };
  if (edge.link.state === 'paused') return { mark: 'off', words: 'Paused, nothing is public' };
  if (edge.link.state === 'connecting') return { mark: 'connecting', words: 'Connecting' };
  if (edge.link.state === 'down') return { mark: 'attention', words: 'Offline, nothing is reachable' };
  const wanted = services.filter((service) => service.enabled);
  const broken = wanted.filter((service) => service.status === 'error' || service.status === 'certificate_failed');
  if (broken.length > 0) return { mark: 'attention', words: `${count(broken.length)} with a problem` };
  return wanted.length === 0
    ? { mark: 'on', words: 'Connected, nothing is public' }
    : { mark: 'on', words: `${count(wanted.length)} public` };
}

const count = (services: number): string => (services === 1 ? '1 service' : `${services} services`);

function serviceRow(service: ServiceView, state: AgentState): TrayRow {
  const url = offeredUrl(service.urls, state.trust);
  return {
    kind: 'submenu',
    label: short(service.enabled ? service.name : `${service.name} (off)`),
    rows: [
      { kind: 'words', label: short(url) },
      { kind: 'action', label: 'Copy URL', action: { do: 'copy', text: url } },
      // Browsers open nothing but web pages.
      ...(service.mode === 'http'
        ? [{ kind: 'action', label: 'Open in browser', action: { do: 'open-url', url } } as const]
        : []),
      {
        kind: 'toggle',
        label: 'Public',
        checked: service.enabled,
        action: { do: 'set-enabled', id: service.id, enabled: !service.enabled },
      },
    ],
  };
}

/** The whole menu for `state`. Quitting says what goes offline. */
export function trayMenu(state: AgentState): TrayMenu {
  const { mark, words } = standing(state);
  const going = state.services.filter((service) => service.enabled).length;
  const listed = state.services.slice(0, SERVICES_LISTED).map((service) => serviceRow(service, state));
  const more = state.services.length > SERVICES_LISTED;
  return {
    mark,
    tooltip: `Porthole: ${words}`,
    rows: [
      { kind: 'words', label: words },
      { kind: 'separator' },
      ...listed,
      ...(more ? [{ kind: 'action', label: 'All services…', action: { do: 'open-window' } } as const] : []),
      ...(listed.length > 0 ? [{ kind: 'separator' } as const] : []),
      { kind: 'action', label: 'Open Porthole…', action: { do: 'open-window' } },
      {
        kind: 'action',
        label: going === 0 ? 'Quit' : `Quit (${count(going)} will go offline)`,
        action: { do: 'quit' },
      },
    ],
  };
}
