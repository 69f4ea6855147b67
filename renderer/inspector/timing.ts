import type { ExchangeTiming } from '../../shared/contract/inspect.ts';

export interface TimingPart {
  readonly name: 'connect' | 'send' | 'wait' | 'receive';
  /** Milliseconds. */
  readonly ms: number;
}

/**
 * The time of an exchange in the order in which it passed. A visitor's request may come while the connection is still
 * being opened: then it is the connection that is waited for.
 */
export function timingParts({ connect = 0, requestEnd, responseStart, end }: ExchangeTiming): readonly TimingPart[] {
  if (responseStart === undefined) return [];
  const opened = Math.min(connect, responseStart);
  const sent = Math.min(Math.max(requestEnd ?? responseStart, opened), responseStart);
  const parts: readonly TimingPart[] = [
    { name: 'connect', ms: opened },
    { name: 'send', ms: sent - opened },
    { name: 'wait', ms: responseStart - sent },
    { name: 'receive', ms: Math.max(0, (end ?? responseStart) - responseStart) },
  ];
  return parts.filter(({ ms }) => ms > 0);
}
