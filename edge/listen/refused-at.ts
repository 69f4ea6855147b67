import type { BoundName, BoundWatch } from '../bounds.ts';

const BOUNDS: ReadonlyMap<string, BoundName> = new Map([
  ['timeout', 'helloTime'],
  ['too_large', 'helloSize'],
  ['handshake: ERR_TLS_HANDSHAKE_TIMEOUT', 'handshakeTime'],
]);

/** Counts a connection that ended before anybody took it over, if the reason that was told is a bound; most are none. */
export function countRefused(bounds: BoundWatch, reason: string): void {
  const bound = BOUNDS.get(reason);
  if (bound !== undefined) bounds.hit(bound);
}
