import { isIPv4, isIPv6 } from './hostname.ts';

/** A network: every address that shares its first `bits` bits. */
export interface Cidr {
  readonly family: 4 | 6;
  /** The network's address as a number. */
  readonly base: bigint;
  readonly bits: number;
  /** Its one spelling: host bits zero, lower-case. */
  readonly text: string;
}

/** An address as a number. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

const WIDTH = { 4: 32, 6: 128 } as const;
/** `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
const MAPPED = 0xffffn;
const MAPPED_BITS = 96;

/**
 * The number behind a textual address without brackets or zone; `undefined` when it is none. An IPv4-mapped IPv6
 * address is the IPv4 address: sockets of both families show the same peer differently.
 */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4(text) };
  if (!isIPv6(text)) return undefined;
  const value = ipv6(text);
  return value >> 32n === MAPPED ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

/**
 * A network from `ADDRESS/BITS`; an address alone is a network of one. `undefined` when it is none. A network of
 * IPv4-mapped addresses is the IPv4 network.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [host = '', length, ...rest] = text.trim().split('/');
  const written = isIPv6(host) ? { family: 6 as const, value: ipv6(host) } : parseAddress(host);
  if (written === undefined || rest.length > 0) return undefined;
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = length === undefined ? WIDTH[written.family] : Number(length);
  if (bits > WIDTH[written.family]) return undefined;
  const mapped = written.family === 6 && written.value >> 32n === MAPPED && bits >= MAPPED_BITS;
  return mapped
    ? networkOf({ family: 4, value: written.value & 0xffffffffn }, bits - MAPPED_BITS)
    : networkOf(written, bits);
}

function networkOf({ family, value }: Address, bits: number): Cidr {
  const shift = BigInt(WIDTH[family] - bits);
  const base = (value >> shift) << shift;
  return { family, base, bits, text: `${spell({ family, value: base })}/${bits}` };
}

/**
 * Whether `text`, an address, lies in the network. What is no address lies nowhere, and no address in a network of the
 * other family: whoever writes `::/0` doesn't mean the neighbours by IPv4.
 */
export function cidrContains(cidr: Cidr, text: string): boolean {
  const address = parseAddress(text);
  if (address?.family !== cidr.family) return false;
  const shift = BigInt(WIDTH[cidr.family] - cidr.bits);
  return address.value >> shift === cidr.base >> shift;
}

const ipv4 = (text: string): bigint => text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);

function ipv6(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = new Array<bigint>(Math.max(0, 8 - left.length - right.length)).fill(0n);
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | group, 0n);
}

function groups(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [BigInt(`0x${part}`)];
    const value = ipv4(part);
    return [value >> 16n, value & 0xffffn];
  });
}

/** The one spelling of an address: dotted, or as RFC 5952 has it. */
export function spell({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const parts = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // RFC 5952 section 4.2: the longest run of at least two zeros is left out.
  const runs = [...parts.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map((m) => m[0]);
  const longest = runs.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) return parts.join(':');
  const [before = '', after = ''] = splitOnce(parts.join(':'), longest);
  return `${before}::${after.replace(/^:/, '')}`;
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return [text.slice(0, at), text.slice(at + by.length)];
}
