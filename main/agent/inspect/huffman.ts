/** The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). */

/** Bits of the code of each byte, then of the end of a string (256), in base 36. The code is canonical: they say it all. */
const LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6' +
  'f56565666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu';
const END = 256;
/** Bits that the last byte may be filled up with, all of them ones. */
const MOST_FILL = 7;

/** Two places a node: where a 0 leads, and where a 1 does. A negative one is the end of a code: the complement of its symbol. */
const TREE = grow();

function grow(): Int16Array {
  const lengths = [...LENGTHS].map((digit) => Number.parseInt(digit, 36));
  const tree = new Int16Array(2 * END + 2);
  const order = [...lengths.keys()].sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  let nodes = 1;
  let code = 0;
  let bits = 0;
  for (const symbol of order) {
    const length = lengths[symbol] ?? 0;
    code *= 2 ** (length - bits);
    bits = length;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const place = 2 * node + (Math.floor(code / 2 ** bit) % 2);
      if (bit === 0) tree[place] = ~symbol;
      else {
        if (tree[place] === 0) tree[place] = nodes++;
        node = tree[place] ?? 0;
      }
    }
    code++;
  }
  return tree;
}

/** The text of `bytes[start, end)` in Latin-1; undefined where it is no such code. */
export function huffmanText(bytes: Buffer, start: number, end: number): string | undefined {
  // The shortest code has five bits.
  const out = Buffer.allocUnsafe(Math.ceil(((end - start) * 8) / 5));
  let length = 0;
  let node = 0;
  let since = 0;
  let ones = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >> bit) & 1;
      const next = TREE[2 * node + one] ?? 0;
      since++;
      ones &&= one === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      if (next === ~END) return undefined;
      out[length++] = ~next;
      node = 0;
      since = 0;
      ones = true;
    }
  }
  return since <= MOST_FILL && ones ? out.toString('latin1', 0, length) : undefined;
}
