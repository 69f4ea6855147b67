import type { Socket } from 'node:net';
import { type BoundWatch, unwatched } from '../bounds.ts';
import { sourceOf } from '../peer.ts';

export interface AdmissionLimits {
  /** Connections of visitors, agents and API clients together. */
  readonly total: number;
  /** Connections from one source: an IPv4 address or an IPv6 /64. */
  readonly perSource: number;
}

/** Counts open connections, refuses those beyond the caps, and knows them all so that they can be ended. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #bounds: BoundWatch;
  readonly #open = new Set<Socket>();
  readonly #perSource = new Map<string, number>();
  /** Connections refused for a cap since the start. */
  refused = 0;
  /** Connections taken since the start. */
  accepted = 0;

  constructor(limits: AdmissionLimits, bounds: BoundWatch = unwatched) {
    this.#limits = limits;
    this.#bounds = bounds;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Takes `socket` in and counts it until it closes; `false` means that it was cut for a cap. */
  admit(socket: Socket): boolean {
    return this.admitProxy(socket) && this.attribute(socket, socket.remoteAddress ?? '');
  }

  /** Takes in the connection of a proxy that speaks for many: once it has said for whom, `attribute` it. */
  admitProxy(socket: Socket): boolean {
    if (this.#open.size >= this.#limits.total) return this.#cut(socket, 'connections');
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    return true;
  }

  /** Counts an admitted `socket` for `address`; `false` means that it was cut for the cap of that source. */
  attribute(socket: Socket, address: string): boolean {
    const source = sourceOf(address);
    const count = this.#perSource.get(source) ?? 0;
    if (count >= this.#limits.perSource) return this.#cut(socket, 'connectionsPerAddress', { address });
    this.accepted++;
    this.#perSource.set(source, count + 1);
    socket.on('close', () => {
      const left = (this.#perSource.get(source) ?? 1) - 1;
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
    });
    return true;
  }

  #cut(socket: Socket, bound: 'connections' | 'connectionsPerAddress', fields?: { readonly address: string }): false {
    this.refused++;
    this.#bounds.hit(bound, fields);
    socket.destroy();
    return false;
  }

  /** Cuts every open connection. */
  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
