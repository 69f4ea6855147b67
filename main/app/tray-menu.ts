/** The tray's menu as data: a pure function of the state, so that every shell and every test sees the same rows. */
import { type AgentState, type GuestState, type LocalPort, offeredUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { Input } from '../../shared/contract/ipc.ts';
import { authority } from '../../shared/domain/service.ts';
import { languageOf } from './language.ts';
import { TRAY_WORDS, type TrayWords } from './tray-words.ts';

/** What a row does when it is chosen. */
export type TrayAction =
  /** `place`: where the window goes, such as `['services', ID, 'share']`; it stays where it is without one. */
  | { readonly do: 'open-window'; readonly place?: readonly string[] }
  | { readonly do: 'copy'; readonly text: string }
  | { readonly do: 'open-url'; readonly url: string }
  | { readonly do: 'set-enabled'; readonly id: string; readonly enabled: boolean }
  | { readonly do: 'publish'; readonly input: Input<'services:publish'> }
  | { readonly do: 'allow'; readonly id: string }
  | { readonly do: 'pause'; readonly paused: boolean }
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
const PORTS_LISTED = 12;
const GUESTS_LISTED = 4;
const TARGETS_LISTED = 4;
/** Some hosts cut or wrap long rows; a name of 255 characters would push everything else off the screen. */
const LABEL_LENGTH = 48;

const short = (text: string): string => (text.length > LABEL_LENGTH ? `${text.slice(0, LABEL_LENGTH - 1)}…` : text);

const SEPARATOR: TrayRow = { kind: 'separator' };
const words = (label: string): TrayRow => ({ kind: 'words', label: short(label) });
const action = (label: string, what: TrayAction): TrayRow => ({ kind: 'action', label: short(label), action: what });

const isBroken = ({ status }: ServiceView): boolean => status === 'error' || status === 'certificate_failed';
const isWaiting = ({ status }: ServiceView): boolean => status === 'pending' || status === 'certificate_pending';

function standing(state: AgentState, say: TrayWords): Pick<TrayMenu, 'mark'> & { readonly words: string } {
  const { edge, services } = state;
  if (state.phase === 'stopping') return { mark: 'off', words: say.stopping };
  if (edge.process === 'stopped') return { mark: 'error', words: say.edgeStopped };
  if (state.phase === 'starting' || edge.process === 'starting') return { mark: 'connecting', words: say.starting };
  if (edge.link.state === 'paused') return { mark: 'off', words: say.paused };
  if (edge.link.state === 'connecting') return { mark: 'connecting', words: say.connecting };
  if (edge.link.state === 'down') return { mark: 'attention', words: say.offline };
  const wanted = services.filter((service) => service.enabled);
  const broken = wanted.filter(isBroken);
  if (broken.length > 0) return { mark: 'attention', words: say.problems(broken.length) };
  return { mark: 'on', words: wanted.length === 0 ? say.nothing : say.public(wanted.length) };
}

/** A name of any length must not push away the word that tells the state. */
function nameOf(service: ServiceView, say: TrayWords): string {
  const cut = (label: (name: string) => string): string => {
    const room = LABEL_LENGTH - label('').length;
    return label(service.name.length > room ? `${service.name.slice(0, room - 1)}…` : service.name);
  };
  if (!service.enabled) return cut(say.off);
  if (isBroken(service)) return cut(say.broken);
  return cut(isWaiting(service) ? say.waiting : (name) => name);
}

function serviceRow(service: ServiceView, state: AgentState, say: TrayWords): TrayRow {
  const { id, enabled } = service;
  const url = offeredUrl(service.urls, state.trust);
  return {
    kind: 'submenu',
    label: nameOf(service, say),
    rows: [
      words(url),
      { kind: 'toggle', label: say.isPublic, checked: enabled, action: { do: 'set-enabled', id, enabled: !enabled } },
      action(say.copy, { do: 'copy', text: url }),
      action(say.share, { do: 'open-window', place: ['services', id, 'share'] }),
      // Browsers open nothing but web pages.
      ...(service.mode === 'http' ? [action(say.open, { do: 'open-url', url })] : []),
    ],
  };
}

/** The address to dial for a port: left out where loopback reaches it. */
function publishInput({ port, addresses }: LocalPort): Input<'services:publish'> {
  const loopback = /^(?:127\.0\.0\.1|::1|::ffff:127\.0\.0\.1|0\.0\.0\.0|::|\*)$/;
  const [first] = addresses;
  return first === undefined || addresses.some((address) => loopback.test(address)) ? { port } : { port, host: first };
}

function publishRow({ ports }: AgentState, say: TrayWords): TrayRow {
  const free = ports.filter((port) => port.serviceId === undefined);
  const listed = free.slice(0, PORTS_LISTED).map((port) =>
    action(say.port(port.port, port.process === undefined ? undefined : short(port.process).slice(0, 30)), {
      do: 'publish',
      input: publishInput(port),
    }),
  );
  const more = free.length > PORTS_LISTED ? [action(say.morePorts, { do: 'open-window', place: ['services'] })] : [];
  const rows = listed.length === 0 ? [words(say.noPorts)] : [words(say.publishNote), SEPARATOR, ...listed, ...more];
  return { kind: 'submenu', label: say.publish, rows };
}

/** What other laptops want to reach here; nobody allows a place that it can't read, so all of them are named. */
function guestRows(guests: readonly GuestState[], say: TrayWords): readonly TrayRow[] {
  const waiting = guests.filter((guest) => !guest.allowed && guest.refused !== true);
  if (waiting.length === 0) return [];
  const rows = waiting
    .slice(0, GUESTS_LISTED)
    .flatMap((guest) => [
      SEPARATOR,
      words(`${guest.name} (${guest.ownerName})`),
      ...guest.targets.slice(0, TARGETS_LISTED).map(({ host, port }) => words(authority(host, port))),
      guest.targets.length > TARGETS_LISTED
        ? action(say.look, { do: 'open-window', place: ['connection'] })
        : action(say.allow, { do: 'allow', id: guest.id }),
    ]);
  if (waiting.length > GUESTS_LISTED)
    rows.push(SEPARATOR, action(say.look, { do: 'open-window', place: ['connection'] }));
  return [{ kind: 'submenu', label: say.guests(waiting.length), rows: [words(say.guestsNote), ...rows] }, SEPARATOR];
}

/** Only the one that fits. */
function pauseRow({ edge, phase }: AgentState, say: TrayWords): readonly TrayRow[] {
  if (phase === 'stopping') return [];
  const paused = edge.link.state === 'paused';
  return [action(paused ? say.resume : say.pause, { do: 'pause', paused: !paused })];
}

/** The whole menu for `state`, in the user's language. Quitting says what goes offline. */
export function trayMenu(state: AgentState): TrayMenu {
  const say = TRAY_WORDS[languageOf(state.preferences)];
  const now = standing(state, say);
  const { services, update } = state;
  // What is paused or not reached has gone offline already.
  const going = state.edge.link.state === 'up' ? services.filter((service) => service.enabled).length : 0;
  const listed = services.slice(0, SERVICES_LISTED).map((service) => serviceRow(service, state, say));
  const more = services.length > SERVICES_LISTED;
  return {
    mark: now.mark,
    tooltip: `Porthole: ${now.words}`,
    rows: [
      words(now.words),
      SEPARATOR,
      ...listed,
      ...(more ? [action(say.all, { do: 'open-window', place: ['services'] })] : []),
      ...(listed.length > 0 ? [SEPARATOR] : []),
      publishRow(state, say),
      ...guestRows(state.guests ?? [], say),
      ...pauseRow(state, say),
      SEPARATOR,
      ...(update === undefined ? [] : [action(say.update(update.version), { do: 'open-window', place: ['settings'] })]),
      action(say.window, { do: 'open-window' }),
      action(say.settings, { do: 'open-window', place: ['settings'] }),
      action(say.quit(going), { do: 'quit' }),
    ],
  };
}
