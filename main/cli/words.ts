import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { type AccessRecord, isPassage } from '../../shared/domain/access-record.ts';
import { authority, type Target } from '../../shared/domain/service.ts';
import type { ServiceStatus } from '../../shared/domain/status.ts';
import { printable, type Style, type Terminal } from './terminal.ts';

const STATUS: Readonly<Record<ServiceStatus, readonly [string, Style]>> = {
  pending: ['starting', 'yellow'],
  certificate_pending: ['waiting for its certificate', 'yellow'],
  active: ['live', 'green'],
  tunnel_not_created: ['not connected', 'yellow'],
  certificate_failed: ['certificate failed', 'red'],
  error: ['needs you', 'red'],
  disabled: ['off', 'dim'],
};

/** A status in words, coloured where colour is seen. */
export function statusWords(terminal: Terminal, status: ServiceStatus): string {
  const [word, style] = STATUS[status];
  return terminal.style(style, word);
}

/**
 * `service` as visitors meet it. Without a link to the edge, what the edge said last is out of date: but for the
 * switched off ones, services are then not connected, whatever else they were.
 */
export function asMet({ statusReason, statusWhy, ...service }: ServiceView, connected: boolean): ServiceView {
  if (!connected && service.status !== 'disabled') return { ...service, status: 'tunnel_not_created' };
  return {
    ...service,
    ...(statusReason === undefined ? {} : { statusReason }),
    ...(statusWhy === undefined ? {} : { statusWhy }),
  };
}

/** Where a target's traffic goes: `http://localhost:3000`, `unix:/run/app.sock`. */
export const targetUrl = ({
  protocol,
  type,
  host,
  port,
  path,
}: Pick<Target, 'protocol' | 'type' | 'host' | 'port' | 'path'>): string =>
  `${type === 'unix' ? `unix:${host}` : `${protocol}://${authority(host, port)}`}${path === '/' ? '' : path}`;

/** The first target of a service, which is what people published. */
export const internalUrl = (service: ServiceView): string => {
  const [first] = service.targets;
  return first === undefined ? '' : targetUrl(first);
};

const LINK = {
  up: ['connected', 'green'],
  connecting: ['connecting', 'yellow'],
  down: ['not connected', 'red'],
  paused: ['paused', 'yellow'],
} as const;

/** The link to the edge in words, with its round trip in milliseconds while it is up. */
export function linkWords(terminal: Terminal, { link }: AgentState['edge']): string {
  const [word, style] = LINK[link.state];
  const trip = link.state === 'up' && link.roundTrip !== undefined ? ` (${link.roundTrip} ms)` : '';
  return terminal.style(style, word) + trip;
}

const WHAT = { request: '', connection: '', open: ' (connection opened)', close: ' (connection closed)' } as const;

/**
 * One request or connection as a line: when, what came of it, what was asked, how long it took, from where. `mixed`
 * lines are of several services, and tell which name was asked for.
 */
export function requestLine(terminal: Terminal, record: AccessRecord, mixed = false): string {
  const host = mixed ? printable(record.host) : '';
  if (isPassage(record)) return connectionLine(terminal, record, host);
  const time = new Date(record.time).toTimeString().slice(0, 8);
  const style = record.status >= 500 ? 'red' : record.status >= 400 ? 'yellow' : 'green';
  const status = record.status === 0 ? 'left' : String(record.status).padEnd(4);
  const what = WHAT[record.kind];
  const took = durationWords(record.duration);
  const reason = record.failure === undefined ? '' : `  ${record.failure}`;
  const asked = `${printable(record.method).padEnd(6)} ${host}${printable(record.path)}${what}`;
  return `${terminal.style('dim', time)}  ${terminal.style(style, status)}  ${asked}  ${terminal.style('dim', `${took}  ${printable(record.address)}`)}${reason}`;
}

/** One connection of a TCP or TLS service, or one session of a UDP service: when it is over, or still open after a while. */
function connectionLine(terminal: Terminal, record: AccessRecord, host: string): string {
  const time = new Date(record.time).toTimeString().slice(0, 8);
  const outcome = terminal.style(record.failure === undefined ? 'green' : 'red', record.protocol.padEnd(4));
  const moved = `${host}${host === '' ? '' : '  '}${record.bytesUp} B in, ${record.bytesDown} B out${record.kind === 'open' ? ' (still open)' : ''}`;
  const reason = record.failure === undefined ? '' : `  ${record.failure}`;
  const rest = `${durationWords(record.duration)}  ${printable(record.address)}`;
  return `${terminal.style('dim', time)}  ${outcome}  ${moved}  ${terminal.style('dim', rest)}${reason}`;
}

const durationWords = (ms: number): string => (ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms)} ms`);
