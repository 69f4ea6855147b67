import { parseCidr } from '../../shared/domain/cidr.ts';

type Branch = { 0?: Branch | string; 1?: Branch | string };

/** Bytes of a MaxMind database (format 2.0, IPv4) that has these networks in these countries, and nothing else. */
export function countryFile(countries: Readonly<Record<string, string>>): Buffer {
  const root: Branch = {};
  for (const [network, country] of Object.entries(countries)) plant(root, network, country);
  const nodes = flatten(root);
  const data = Buffer.concat([...new Set(Object.values(countries))].map(record));
  const places = new Map<string, number>();
  let at = 0;
  for (const country of new Set(Object.values(countries))) {
    places.set(country, at);
    at += record(country).length;
  }
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach((node, index) => {
    for (const side of [0, 1] as const) tree.writeUIntBE(placeOf(node[side], nodes, places), index * 6 + side * 3, 3);
  });
  const about = map([
    ['node_count', unsigned(6, nodes.length)],
    ['record_size', unsigned(5, 24)],
    ['ip_version', unsigned(5, 4)],
    ['database_type', text('Test-Country')],
    ['languages', Buffer.of(0x00, 4)],
    ['binary_format_major_version', unsigned(5, 2)],
    ['binary_format_minor_version', unsigned(5, 0)],
    ['build_epoch', Buffer.of(0x01, 2, 1)],
    ['description', map([])],
  ]);
  return Buffer.concat([tree, Buffer.alloc(16), data, Buffer.from('abcdef', 'hex'), Buffer.from('MaxMind.com'), about]);
}

function plant(root: Branch, network: string, country: string): void {
  const cidr = parseCidr(network);
  if (cidr?.family !== 4) throw new Error(`${network} is no network of IPv4`);
  const bits = cidr.base.toString(2).padStart(32, '0').slice(0, cidr.bits);
  let node = root;
  for (const [index, bit] of [...bits].entries()) {
    const side = bit === '1' ? 1 : 0;
    if (index === bits.length - 1) node[side] = country;
    else {
      const next = node[side];
      const branch: Branch = typeof next === 'object' ? next : {};
      node[side] = branch;
      node = branch;
    }
  }
}

function flatten(root: Branch): Branch[] {
  const nodes = [root];
  for (const node of nodes) for (const next of [node[0], node[1]]) if (typeof next === 'object') nodes.push(next);
  return nodes;
}

/** Another node, a record, or (the number of nodes) nothing. */
function placeOf(next: Branch | string | undefined, nodes: readonly Branch[], places: Map<string, number>): number {
  if (next === undefined) return nodes.length;
  return typeof next === 'object' ? nodes.indexOf(next) : nodes.length + 16 + (places.get(next) ?? 0);
}

const record = (country: string): Buffer => map([['country', map([['iso_code', text(country)]])]]);
/** Types 1 to 7 stand in the upper three bits, the size in the lower five (29 and more: one byte on). */
const control = (type: number, size: number): Buffer =>
  size < 29 ? Buffer.of((type << 5) | size) : Buffer.of((type << 5) | 29, size - 29);
const text = (value: string): Buffer => Buffer.concat([control(2, value.length), Buffer.from(value)]);
const map = (entries: readonly (readonly [string, Buffer])[]): Buffer =>
  Buffer.concat([control(7, entries.length), ...entries.map(([key, value]) => Buffer.concat([text(key), value]))]);
function unsigned(type: 5 | 6, value: number): Buffer {
  const bytes = Buffer.alloc(type === 5 ? 2 : 4);
  bytes.writeUIntBE(value, 0, bytes.length);
  return Buffer.concat([control(type, bytes.length), bytes]);
}
