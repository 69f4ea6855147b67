/** Groups, and buckets a group, both powers of two: 16,384 buckets hold 100,000 entries in sixes. */
const GROUPS = 128;
const BUCKETS = 128;

type Bucket<V> = ReadonlyMap<string, V>;
type Group<V> = readonly Bucket<V>[];

/** What most of a small map consists of, shared by all maps: nothing is ever written into it. */
const EMPTY_BUCKET: Bucket<never> = new Map<string, never>();
const EMPTY_GROUP: Group<never> = Array.from({ length: BUCKETS }, () => EMPTY_BUCKET);
const EMPTY: readonly Group<never>[] = Array.from({ length: GROUPS }, () => EMPTY_GROUP);

/**
 * An immutable map with string keys. A changed copy shares everything but the buckets of the changed keys with the map
 * it came from. The shape never depends on the size, so a look-up is two array accesses and one small map, and a change
 * copies two arrays of 128 references and one bucket a key, with one entry or a hundred thousand: there is no moment
 * of growth at which everything is copied.
 */
export class PersistentMap<V> {
  readonly #groups: readonly Group<V>[];
  readonly size: number;

  private constructor(groups: readonly Group<V>[], size: number) {
    this.#groups = groups;
    this.size = size;
  }

  static from<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
    return new PersistentMap<V>(EMPTY, 0).with(entries);
  }

  get(key: string): V | undefined {
    const at = hash(key);
    return this.#groups[groupOf(at)]?.[bucketOf(at)]?.get(key);
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  *entries(): IterableIterator<[string, V]> {
    for (const group of this.#groups) {
      if (group === EMPTY_GROUP) continue;
      for (const bucket of group) yield* bucket.entries();
    }
  }

  /** A copy in which each key of `changes` has its new value, or is gone where that is `undefined`. */
  with(changes: Iterable<readonly [string, V | undefined]>): PersistentMap<V> {
    const groups = this.#groups.slice();
    const freshGroups = new Map<number, Bucket<V>[]>();
    const freshBuckets = new Map<number, Map<string, V>>();
    let size = this.size;
    for (const [key, value] of changes) {
      const at = hash(key);
      const place = groupOf(at) * BUCKETS + bucketOf(at);
      let bucket = freshBuckets.get(place);
      if (bucket === undefined) {
        let group = freshGroups.get(groupOf(at));
        if (group === undefined) {
          group = (groups[groupOf(at)] ?? EMPTY_GROUP).slice();
          freshGroups.set(groupOf(at), group);
          groups[groupOf(at)] = group;
        }
        bucket = new Map(group[bucketOf(at)]);
        freshBuckets.set(place, bucket);
        group[bucketOf(at)] = bucket;
      }
      size -= bucket.size;
      if (value === undefined) bucket.delete(key);
      else bucket.set(key, value);
      size += bucket.size;
    }
    return new PersistentMap(groups, size);
  }
}

const groupOf = (at: number): number => (at >>> 7) & (GROUPS - 1);
const bucketOf = (at: number): number => at & (BUCKETS - 1);

/** FNV-1a over the key's character codes. */
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) value = Math.imul(value ^ key.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}
