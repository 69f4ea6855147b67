import type { LocalPort } from '../../shared/contract/agent-state.ts';
import { type CancelTimer, type Clock, systemClock } from '../../shared/node/clock.ts';
import type { ListeningSocket, SocketScan } from './listening-socket.ts';
import { createDarwinScan } from './ports-darwin.ts';
import { createLinuxScan } from './ports-linux.ts';
import { createWindowsScan } from './ports-windows.ts';

/** Ports that are reported at most. */
export const PORTS_LIMIT = 500;
/** Milliseconds between two looks: while somebody watches, and otherwise. */
const WATCHED = 2_000;
const UNWATCHED = 10_000;
/**
 * Between two looks lies this many times what a look takes, up to `UNWATCHED`: where a tool of the system has to be run
 * for one, that is tens of milliseconds of CPU.
 */
const REST = 200;

/** Addresses under which a connection to loopback arrives. */
const LOOPBACK = new Set(['127.0.0.1', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:0.0.0.0', '*']);

/** Finds what listens on this machine and can be reached over loopback. */
export interface PortFinder {
  /** Ascending by port; `undefined` until the first look is done. Empty when the system won't say. */
  ports(): readonly LocalPort[] | undefined;
  /** Calls back after every change; the return value unsubscribes. */
  onChange(listener: () => void): () => void;
  /** Looks every 2 s instead of 10 s until the return value is called, or less often where a look takes long. */
  watch(): () => void;
  /** Resolves when a look that began after this call is done. */
  refresh(): Promise<void>;
  /** Stops looking. Idempotent. */
  close(): void;
}

export interface PortFinderOptions {
  /** Ports to leave out: those of the application itself. Asked at every look. */
  readonly exclude?: () => ReadonlySet<number>;
  readonly scan?: SocketScan;
  readonly clock?: Clock;
}

/** The scan for this system. */
export function systemScan(platform: NodeJS.Platform = process.platform): SocketScan {
  if (platform === 'win32') return createWindowsScan();
  return platform === 'linux' || platform === 'android' ? createLinuxScan() : createDarwinScan();
}

/** One entry a port from the system's list of sockets: sorted, bounded; what loopback can't reach and edges left out. */
export function groupPorts(sockets: readonly ListeningSocket[], exclude: ReadonlySet<number>): LocalPort[] {
  const byPort = new Map<number, ListeningSocket[]>();
  for (const socket of sockets) {
    if (!LOOPBACK.has(socket.address) || exclude.has(socket.port) || socket.port < 1 || socket.edge) continue;
    byPort.set(socket.port, [...(byPort.get(socket.port) ?? []), socket]);
  }
  return [...byPort.entries()]
    .sort(([a], [b]) => a - b)
    .slice(0, PORTS_LIMIT)
    .map(([port, group]) => {
      const owner = group.find((s) => s.process !== undefined) ?? group.find((s) => s.pid !== undefined);
      return {
        port,
        addresses: [...new Set(group.map((s) => s.address))].sort(),
        ...(owner?.process === undefined ? {} : { process: owner.process }),
        ...(owner?.pid === undefined ? {} : { pid: owner.pid }),
      };
    });
}

/** A finder that looks at once and then again and again; looks never overlap. */
export function createPortFinder(options: PortFinderOptions = {}): PortFinder {
  const scan = options.scan ?? systemScan();
  const clock = options.clock ?? systemClock;
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  let found: readonly LocalPort[] | undefined;
  let watchers = 0;
  let cancelNext: CancelTimer = () => {};
  /** Milliseconds that the last look took, and the shorter of the last two: one that found something new takes longer. */
  let took = 0;
  let usual = 0;
  let looking: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function look(): Promise<void> {
    // A system that won't say leaves the last list standing: it is the best there is, even if it is empty.
    const began = clock.monotonic();
    const sockets = await scan(closing.signal).catch(() => undefined);
    const before = took;
    took = clock.monotonic() - began;
    usual = Math.min(before, took);
    if (closing.signal.aborted) return;
    const ports = sockets === undefined ? (found ?? []) : groupPorts(sockets, options.exclude?.() ?? new Set());
    if (found !== undefined && JSON.stringify(ports) === JSON.stringify(found)) return;
    found = ports;
    for (const listener of [...listeners]) listener();
  }

  function refresh(): Promise<void> {
    if (closing.signal.aborted) return Promise.resolve();
    cancelNext();
    if (looking === undefined) {
      looking = look().finally(() => {
        looking = undefined;
        schedule();
      });
      return looking;
    }
    // The look under way may have begun before what the caller wants to see: another one follows it, for all callers.
    next ??= looking.then(() => {
      next = undefined;
      return refresh();
    });
    return next;
  }

  function schedule(): void {
    cancelNext();
    if (closing.signal.aborted || looking !== undefined || next !== undefined) return;
    const pause = watchers > 0 ? Math.min(UNWATCHED, Math.max(WATCHED, REST * usual)) : UNWATCHED;
    cancelNext = clock.setTimeout(() => void refresh(), pause);
  }

  void refresh();
  return {
    ports: () => found,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    watch() {
      watchers++;
      if (watchers === 1) void refresh();
      let watching = true;
      return () => {
        if (watching) watchers--;
        watching = false;
      };
    },
    refresh,
    close() {
      closing.abort();
      cancelNext();
      listeners.clear();
    },
  };
}
