import type { Wire } from './page.ts';

/** A value for the page, tagged. Throws on what is more than JSON (and `undefined`): the contract allows no more. */
export function encodeValue(value: unknown, where: string): Wire {
  if (value === undefined) return { u: 1 };
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return { v: value };
  if (Array.isArray(value)) return { a: value.map((inner) => encodeValue(inner, where)) };
  const prototype = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  if (prototype !== Object.prototype && prototype !== null)
    throw new Error(`stand-in: a value sent over ${where} is more than JSON`);
  return { o: Object.entries(value as object).map(([key, inner]) => [key, encodeValue(inner, where)]) };
}

/** A value from the page. Functions and promises never get here: the page's side refuses them. */
export function decodeValue(wire: Wire): unknown {
  if ('u' in wire) return undefined;
  if ('a' in wire) return wire.a.map(decodeValue);
  if ('o' in wire) return Object.fromEntries(wire.o.map(([key, inner]) => [key, decodeValue(inner)]));
  if ('v' in wire) return wire.v;
  if ('e' in wire) return Object.assign(new Error(wire.e[1]), { name: wire.e[0] });
  throw new Error('stand-in: a function or promise reached main');
}
