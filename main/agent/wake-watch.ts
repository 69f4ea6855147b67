import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../../shared/node/clock.ts';

/** Milliseconds between two looks. */
const INTERVAL = 3_000;
/** A look that comes this many milliseconds late means that the machine slept (or stood still as if it did). */
const LATE = 5_000;

export type WakeReason = 'slept' | 'network';

export interface WakeWatchOptions {
  readonly onWake: (reason: WakeReason) => void;
  readonly clock?: Clock;
  /** The machine's addresses as one text; the default asks the system. */
  readonly addresses?: () => string;
}

/** The machine's own addresses, loopback and link-local left out; the same network gives the same text. */
export function systemAddresses(): string {
  let interfaces: ReturnType<typeof networkInterfaces>;
  try {
    interfaces = networkInterfaces();
  } catch {
    return ''; // Some sandboxes forbid it; then only the clock tells.
  }
  const lines = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? []).filter((a) => !a.internal && !/^fe80:/i.test(a.address)).map((a) => `${name} ${a.address}`),
  );
  return lines.sort().join('\n');
}

/**
 * Notices that the machine woke up (the wall clock ran on while our timer didn't) or changed networks, by looking
 * every 3 s; hosts with a power monitor tell sooner. A clock that is set forward counts as sleep, which costs a ping.
 * Returns what ends it.
 */
export function watchWake(options: WakeWatchOptions): () => void {
  const clock = options.clock ?? systemClock;
  const addresses = options.addresses ?? systemAddresses;
  let last = clock.now();
  let network = addresses();
  let cancel = clock.setTimeout(look, INTERVAL);

  function look(): void {
    const slept = clock.now() - last > INTERVAL + LATE;
    const current = addresses();
    const moved = current !== network;
    last = clock.now();
    network = current;
    cancel = clock.setTimeout(look, INTERVAL);
    if (slept) options.onWake('slept');
    // Losing the network is no reason to dial; getting another one is.
    else if (moved && current !== '') options.onWake('network');
  }

  return () => cancel();
}
