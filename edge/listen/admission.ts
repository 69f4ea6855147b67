import type { Socket } from 'node:net';

export interface AdmissionLimits {
  /** Connections of visitors, agents and API clients together. */
  readonly total: number;
  /** Connections from one source: an IPv4 address or an IPv6 /64. */
  readonly perSource: number;
}

export const DEFAULT_ADMISSION: AdmissionLimits = { total: 20_000, perSource: 2_000 };

/**
 * Whom a source address stands for, when counting: IPv4-mapped IPv6 is un-mapped, IPv6 is cut to its /64, which is
 * what one customer gets and can change addresses within at will.
 */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((g) => Number.parseInt(g, 16).toString(16))
    .join(':');
}

/** Counts open connections, refuses those beyond the caps, and knows them all so that they can be ended. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #open = new Set<Socket>();
  readonly #perSource = new Map<string, number>();
  /** Connections refused for a cap since the start. */
  refused = 0;
  /** Connections taken since the start. */
  accepted = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
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
    if (this.#open.size >= this.#limits.total) return this.#cut(socket);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return true;
  }

  /** Counts an admitted `socket` for `address`; `false` means that it was cut for the cap of that source. */
  attribute(socket: Socket, address: string): boolean {
    const source = sourceOf(address);
    const count = this.#perSource.get(source) ?? 0;
    if (count >= this.#limits.perSource) return this.#cut(socket);
    this.accepted++;
    this.#perSource.set(source, count + 1);
    socket.once('close', () => {
      const left = (this.#perSource.get(source) ?? 1) - 1;
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
    });
    return true;
  }

  #cut(socket: Socket): false {
    this.refused++;
    socket.destroy();
    return false;
  }

  /** Cuts every open connection. */
  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
