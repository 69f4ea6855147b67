/** Average entries a bucket may hold before the map is spread over more of them. */
const LOAD = 16;

/**
 * An immutable map with string keys. A changed copy shares all buckets but those of the changed keys with the map it
 * came from, so a change costs what changed (and one array of bucket references), not the size of the map.
 */
export class PersistentMap<V> {
  readonly #buckets: readonly ReadonlyMap<string, V>[];
  readonly #mask: number;
  readonly size: number;

  private constructor(buckets: readonly ReadonlyMap<string, V>[], size: number) {
    this.#buckets = buckets;
    this.#mask = buckets.length - 1;
    this.size = size;
  }

  static from<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
    const all = new Map(entries);
    let count = 16;
    while (all.size > count * (LOAD / 2)) count *= 2;
    const buckets = Array.from({ length: count }, () => new Map<string, V>());
    for (const [key, value] of all) buckets[hash(key) & (count - 1)]?.set(key, value);
    return new PersistentMap(buckets, all.size);
  }

  get(key: string): V | undefined {
    return this.#buckets[hash(key) & this.#mask]?.get(key);
  }

  *values(): IterableIterator<V> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  *entries(): IterableIterator<[string, V]> {
    for (const bucket of this.#buckets) yield* bucket.entries();
  }

  /** A copy in which each key of `changes` has its new value, or is gone where that is `undefined`. */
  with(changes: Iterable<readonly [string, V | undefined]>): PersistentMap<V> {
    const buckets = this.#buckets.slice();
    const fresh = new Map<number, Map<string, V>>();
    let size = this.size;
    for (const [key, value] of changes) {
      const at = hash(key) & this.#mask;
      let bucket = fresh.get(at);
      if (bucket === undefined) {
        bucket = new Map(buckets[at]);
        fresh.set(at, bucket);
        buckets[at] = bucket;
      }
      size -= bucket.size;
      if (value === undefined) bucket.delete(key);
      else bucket.set(key, value);
      size += bucket.size;
    }
    const map = new PersistentMap(buckets, size);
    return size > buckets.length * LOAD ? PersistentMap.from(map.entries()) : map;
  }
}

/** FNV-1a over the key's character codes. */
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) value = Math.imul(value ^ key.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}
