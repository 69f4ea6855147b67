import type { BoundName } from '../bounds.ts';

const BOUNDS: ReadonlyMap<string, BoundName> = new Map([
  ['timeout', 'helloTime'],
  ['too_large', 'helloSize'],
  ['handshake: ERR_TLS_HANDSHAKE_TIMEOUT', 'handshakeTime'],
]);

/** The bound at which a connection ended before anybody took it over, by the reason that was told; none for most reasons. */
export const refusedAt = (reason: string): BoundName | undefined => BOUNDS.get(reason);
