import { DEFAULT_LIMITS } from '../limits.ts';
import { Ticker } from '../ticker.ts';
import type { DirectRoute } from '../visit.ts';
import { type Arrival, RelayConnection } from './connection.ts';
import type { RelayOptions } from './context.ts';

/** Milliseconds between two looks at the deadlines of all connections. */
const TICK = 1_000;

/** The connections of TCP and TLS services. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #most: number;
  /** By service. Services without connections have no entry. */
  readonly #connections = new Map<string, Set<RelayConnection>>();
  readonly #ticker: Ticker;
  #open = 0;
  #closed = false;
  #onEmpty: (() => void) | undefined;
  /** Connections taken, and turned away for a bound, since the start. */
  accepted = 0;
  refused = 0;
  /** Connections that restrictions didn't let in, since the start. */
  denied = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#most = options.limits?.connectionsPerService ?? DEFAULT_LIMITS.connectionsPerService;
    this.#ticker = new Ticker(options.clock, TICK, () => this.#tick());
  }

  /** Connections open now. */
  get open(): number {
    return this.#open;
  }

  /** Takes over a visitor's connection. */
  serve(arrival: Arrival, route: DirectRoute): void {
    if (this.#closed) {
      arrival.socket.destroy();
      return;
    }
    const all = this.#connections.get(route.serviceId) ?? new Set();
    const connection = new RelayConnection(this.#options, arrival, route, this.#forget);
    if (connection.denied !== undefined) {
      this.denied++;
      this.#options.onDenied?.(connection.denied);
      connection.refuse(connection.denied);
      return;
    }
    if (all.size >= this.#most) {
      this.refused++;
      this.#options.bounds?.hit('connectionsPerService', { serviceId: route.serviceId });
      connection.refuse('busy');
      return;
    }
    this.accepted++;
    this.#open++;
    this.#connections.set(route.serviceId, all.add(connection));
    this.#ticker.start();
    connection.start();
  }

  /** Ends the connections of a service that is gone or leads elsewhere now. */
  end(serviceId: string): void {
    for (const connection of [...(this.#connections.get(serviceId) ?? [])]) connection.cut('service_disabled');
  }

  /** The service of `route` has other restrictions than before: ends what they wouldn't have let in. */
  recheck(route: DirectRoute): void {
    for (const connection of [...(this.#connections.get(route.serviceId) ?? [])]) connection.recheck(route);
  }

  /** Waits until the last connection has ended by itself, at most `deadline` ms; then cuts what is left. */
  async drain(deadline: number): Promise<void> {
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.setTimeout(resolve, deadline);
        this.#onEmpty = () => {
          cancel();
          resolve();
        };
      });
    }
    this.close();
  }

  /** Cuts every connection. Nothing is served afterwards. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ticker.stop();
    for (const all of [...this.#connections.values()]) for (const connection of [...all]) connection.cut('draining');
  }

  #tick(): boolean {
    const now = this.#options.clock.monotonic();
    for (const all of this.#connections.values()) for (const connection of all) connection.tick(now);
    return this.#open > 0;
  }

  readonly #forget = (connection: RelayConnection): void => {
    const { serviceId } = connection.route;
    const all = this.#connections.get(serviceId);
    if (all?.delete(connection) !== true) return;
    if (all.size === 0) this.#connections.delete(serviceId);
    if (--this.#open === 0) this.#onEmpty?.();
  };
}
