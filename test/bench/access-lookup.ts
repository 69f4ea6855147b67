/** Access restrictions alone: nanoseconds a judgement, with lists of 1, 200 and 10,000 networks, beside `net.BlockList`. */
import { BlockList } from 'node:net';
import { createJudge } from '../../edge/access/access.ts';
import type { AddressKnowledge } from '../../edge/access/policy.ts';

export const ACCESS_LOOKUP = 'access-lookup';

const SIZES = [1, 200, 10_000] as const;
const ROUNDS = 15;
const ASKED = 20_000;
/** Judgements of `net.BlockList` are few: it looks at every rule. */
const ASKED_OF_BLOCK_LIST = 200;

const unknowing: AddressKnowledge = { country: () => 'unavailable', remedy: () => 'unavailable' };

function best(count: number, work: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return ((performance.now() - start) * 1e6) / count;
  });
  return Math.min(...times);
}

/** The nth of 10,000 networks of mixed lengths, as a list that grew over years has. */
const network4 = (n: number): readonly [string, number] => [`${20 + (n % 150)}.${(n >> 3) & 255}.${n & 255}.0`, 24];
const network6 = (n: number): readonly [string, number] => [`2001:db8:${n.toString(16)}::`, 48];
const address4 = (n: number): string => `192.${(n >> 8) & 255}.${n & 255}.${n % 250}`;
const address6 = (n: number): string => `2001:db9:${(n & 65535).toString(16)}::${(n % 9999).toString(16)}`;

interface AccessCost {
  readonly entries: number;
  readonly four: number;
  readonly six: number;
  readonly blockList: number;
}

function measure(entries: number): AccessCost {
  const networks = Array.from({ length: entries }, (_, n) => (n % 2 === 0 ? network4(n) : network6(n)));
  const judge = createJudge(unknowing);
  const restrictions = { blockCidrs: networks.map(([address, bits]) => `${address}/${bits}`) };
  const list = new BlockList();
  for (const [address, bits] of networks) list.addSubnet(address, bits, address.includes(':') ? 'ipv6' : 'ipv4');
  let denied = 0;
  const ask = (of: (n: number) => string) => {
    const asked = Array.from({ length: ASKED }, (_, n) => of(n));
    return best(ASKED, () => {
      for (const address of asked) if (judge(restrictions, address).denied !== undefined) denied++;
    });
  };
  const four = ask(address4);
  const six = ask(address6);
  const asked = Array.from({ length: ASKED_OF_BLOCK_LIST }, (_, n) => address4(n));
  const blockList = best(ASKED_OF_BLOCK_LIST, () => {
    for (const address of asked) if (list.check(address, 'ipv4')) denied++;
  });
  if (denied > 0) throw new Error('an address was denied that is on no list');
  return { entries, four, six, blockList };
}

/** Runs the case, prints its table, and hands each figure, beside what it is with one network, to `write`. */
export function benchAccess(
  write: (name: string, against: string, ours: number, theirs: number, unit: string) => void,
): void {
  measure(200);
  const costs = SIZES.map(measure);
  const [one] = costs;
  if (one === undefined) return;
  console.log(`\n${ACCESS_LOOKUP}: restrictions, ${ROUNDS} rounds, the best of each, in ns a judgement`);
  console.log('  networks       IPv4       IPv6   net.BlockList (IPv4)');
  for (const { entries, four, six, blockList } of costs) {
    const cells = [four, six].map((ns) => ns.toFixed(0).padStart(11)).join('');
    console.log(`  ${String(entries).padEnd(8)}${cells}${blockList.toFixed(0).padStart(23)}`);
    write(ACCESS_LOOKUP, '1-network', four, one.four, `ns, IPv4, ${entries} networks`);
    write(ACCESS_LOOKUP, '1-network', six, one.six, `ns, IPv6, ${entries} networks`);
    write(ACCESS_LOOKUP, 'net.BlockList', four, blockList, `ns, IPv4, ${entries} networks`);
  }
}
