/** The scheme of links that open Porthole, such as `porthole://join/…`. */
export const LINK_SCHEME = 'porthole';

/** Characters of a link; a certificate in one fits, and a page that opens one can't fill the memory. */
const LONGEST = 16_384;

/** `text` as a link to Porthole; `undefined` when it is none. What it asks for is not done yet, and is to be asked. */
export function linkOf(text: string): string | undefined {
  if (text.length > LONGEST || !text.startsWith(`${LINK_SCHEME}://`)) return undefined;
  return URL.parse(text)?.href;
}

/** The link that a system hands over as an argument of a (second) start. */
export const linkIn = (argv: readonly string[]): string | undefined =>
  argv.map(linkOf).find((link) => link !== undefined);
