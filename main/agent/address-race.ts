import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { errorCode } from './dial-error.ts';
import { isLocalhostName, LOOPBACK } from './loopback.ts';

/** Milliseconds that an address is tried alone before the next one is tried beside it (RFC 8305 section 8). */
export const ATTEMPT_DELAY = 250;
/** Addresses of one name that are tried. */
const MOST_ADDRESSES = 16;

/** All addresses of `name` as the system knows them, families in turn (RFC 8305 section 4). Rejects as `lookup` does. */
export async function addressesOf(name: string): Promise<readonly LookupAddress[]> {
  return inTurn(await lookup(name, { all: true, order: 'verbatim' })).slice(0, MOST_ADDRESSES);
}

/** The addresses with their families in turn, beginning with the family of the first. */
export function inTurn(found: readonly LookupAddress[]): readonly LookupAddress[] {
  const family = found[0]?.family;
  const same = found.filter((a) => a.family === family);
  const other = found.filter((a) => a.family !== family);
  return Array.from({ length: Math.max(same.length, other.length) }, (_, i) => [same[i], other[i]])
    .flat()
    .filter((address) => address !== undefined);
}

export interface AddressRace {
  /** Gives up whatever is under way; nothing is called back afterwards. */
  cancel(): void;
}

/**
 * Connects to the first of `addresses` that accepts (RFC 8305 section 5). Each next one is tried when the one before
 * has failed, or has not answered for a moment; one that is slow stays in the race. Calls `done` once: with a connected
 * socket (`allowHalfOpen`), or with the code of the error that says most when all have failed.
 */
export function raceAddresses(
  addresses: readonly LookupAddress[],
  port: number,
  done: (outcome: Socket | string) => void,
): AddressRace {
  const running = new Set<Socket>();
  const errors: unknown[] = [];
  let next = 0;
  let timer: NodeJS.Timeout | undefined;

  const cancel = (): void => {
    clearImmediate(begun);
    clearTimeout(timer);
    next = addresses.length;
    for (const socket of running)
      socket
        .removeAllListeners()
        .on('error', () => {})
        .destroy();
    running.clear();
  };
  const finish = (outcome: Socket | string): void => {
    cancel();
    done(outcome);
  };
  const start = (): void => {
    clearTimeout(timer);
    const address = addresses[next++];
    if (address === undefined) {
      if (running.size === 0) finish(errorCode({ errors }));
      return;
    }
    const socket = connect({ host: address.address, port, allowHalfOpen: true, noDelay: true });
    running.add(socket);
    socket.once('connect', () => {
      running.delete(socket);
      socket.removeAllListeners();
      finish(socket);
    });
    socket.once('error', (error) => {
      running.delete(socket);
      errors.push(error);
      start();
    });
    if (next < addresses.length) timer = setTimeout(start, ATTEMPT_DELAY);
  };
  // Never before the caller has the race in hand.
  const begun = setImmediate(start);
  return { cancel };
}

/** `raceAddresses` over addresses that are still being looked up; a look-up that rejects is told by its code. */
export function raceFound(
  looking: Promise<readonly LookupAddress[]>,
  port: number,
  done: (outcome: Socket | string) => void,
): AddressRace {
  let race: AddressRace | undefined;
  let givenUp = false;
  looking.then(
    (addresses) => {
      if (!givenUp) race = raceAddresses(addresses, port, done);
    },
    (error: unknown) => {
      if (!givenUp) done(errorCode(error));
    },
  );
  return {
    cancel() {
      givenUp = true;
      race?.cancel();
    },
  };
}

/**
 * Connects to whichever address of `host` accepts first; `localhost` is this machine whatever a resolver says. Calls
 * `done` once, never before it returns: with a socket whose end is the end of both ways, or with the code of an error.
 */
export function raceTo(
  host: string,
  port: number,
  done: (outcome: Socket | string) => void,
  look: (name: string) => Promise<readonly LookupAddress[]> = addressesOf,
): AddressRace {
  const looking = isLocalhostName(host) ? Promise.resolve(LOOPBACK) : look(host);
  return raceFound(looking, port, (outcome) => {
    if (typeof outcome !== 'string') outcome.allowHalfOpen = false;
    done(outcome);
  });
}
