import { type Cidr, parseAddress, spell } from '../../shared/domain/cidr.ts';
import { isIPv4 } from '../../shared/domain/hostname.ts';

/** A visitor's address, ready to be looked up. */
export type VisitorAddress =
  | { readonly family: 4; readonly value: number }
  | { readonly family: 6; readonly value: bigint };

/** Reads a textual address, IPv4-mapped IPv6 un-mapped and a zone left out; `undefined` when it is none. */
export function readAddress(text: string): VisitorAddress | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4(text) };
  const [bare = ''] = text.split('%', 1);
  const parsed = parseAddress(bare);
  if (parsed === undefined) return undefined;
  return parsed.family === 4 ? { family: 4, value: Number(parsed.value) } : { family: 6, value: parsed.value };
}

/** The one spelling of an address. */
export const addressText = ({ family, value }: VisitorAddress): string => spell({ family, value: BigInt(value) });

/** The 32 bits of a dotted address, as an unsigned number. */
function ipv4(text: string): number {
  let value = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      value = value * 256 + part;
      part = 0;
    } else part = part * 10 + code - 48;
  }
  return value * 256 + part;
}

/** The networks of one family: a map for each length that occurs, keyed by the network's bits alone. */
interface Family<K, V> {
  readonly byLength: Map<number, Map<K, V>>;
  /** Lengths that occur, longest first. */
  lengths: readonly number[];
}

/**
 * Values by network. A look-up costs one hash look-up for each prefix length that occurs (33 of IPv4 and 129 of IPv6 at
 * most, a handful in practice), however many networks there are.
 */
export class NetworkMap<V> {
  readonly #four: Family<number, V> = { byLength: new Map(), lengths: [] };
  readonly #six: Family<bigint, V> = { byLength: new Map(), lengths: [] };
  #size = 0;

  /** Networks in the map. */
  get size(): number {
    return this.#size;
  }

  get(cidr: Cidr): V | undefined {
    return cidr.family === 4
      ? this.#four.byLength.get(cidr.bits)?.get(keyOf4(Number(cidr.base), cidr.bits))
      : this.#six.byLength.get(cidr.bits)?.get(keyOf6(cidr.base, cidr.bits));
  }

  set(cidr: Cidr, value: V): void {
    const isNew =
      cidr.family === 4
        ? put(this.#four, cidr.bits, keyOf4(Number(cidr.base), cidr.bits), value)
        : put(this.#six, cidr.bits, keyOf6(cidr.base, cidr.bits), value);
    if (isNew) this.#size++;
  }

  delete(cidr: Cidr): void {
    const gone =
      cidr.family === 4
        ? remove(this.#four, cidr.bits, keyOf4(Number(cidr.base), cidr.bits))
        : remove(this.#six, cidr.bits, keyOf6(cidr.base, cidr.bits));
    if (gone) this.#size--;
  }

  /** The value of the narrowest network that the address lies in. */
  narrowest(address: VisitorAddress): V | undefined {
    return address.family === 4
      ? find(this.#four, (bits) => keyOf4(address.value, bits))
      : find(this.#six, (bits) => keyOf6(address.value, bits));
  }

  *values(): IterableIterator<V> {
    for (const all of this.#four.byLength.values()) yield* all.values();
    for (const all of this.#six.byLength.values()) yield* all.values();
  }
}

/** A shift by 32 would be none at all. */
const keyOf4 = (value: number, bits: number): number => (bits === 0 ? 0 : value >>> (32 - bits));
const keyOf6 = (value: bigint, bits: number): bigint => value >> BigInt(128 - bits);

function put<K, V>(family: Family<K, V>, bits: number, key: K, value: V): boolean {
  let networks = family.byLength.get(bits);
  if (networks === undefined) {
    networks = new Map();
    family.byLength.set(bits, networks);
    family.lengths = [...family.byLength.keys()].sort((a, b) => b - a);
  }
  const before = networks.size;
  return networks.set(key, value).size > before;
}

function remove<K, V>(family: Family<K, V>, bits: number, key: K): boolean {
  const networks = family.byLength.get(bits);
  if (networks?.delete(key) !== true) return false;
  if (networks.size === 0) {
    family.byLength.delete(bits);
    family.lengths = family.lengths.filter((length) => length !== bits);
  }
  return true;
}

function find<K, V>(family: Family<K, V>, keyOf: (bits: number) => K): V | undefined {
  for (const bits of family.lengths) {
    const value = family.byLength.get(bits)?.get(keyOf(bits));
    if (value !== undefined) return value;
  }
  return undefined;
}
