import type { AccessRecord } from '../../shared/domain/access-record.ts';

export type PartName = 'edge' | 'tunnel' | 'origin' | 'transfer';

/** One stretch of a request's time. */
export interface TimePart {
  readonly name: PartName;
  /** Milliseconds. */
  readonly ms: number;
}

/**
 * A request's time in the order in which it passed: edge, tunnel and origin until the first byte, then the rest of the
 * response. Empty when no answer was sent or nothing was measured.
 */
export function splitTime(record: AccessRecord): readonly TimePart[] {
  if (record.firstByte === undefined) return [];
  const parts: readonly TimePart[] = [
    { name: 'edge', ms: record.edge ?? 0 },
    { name: 'tunnel', ms: record.tunnel ?? 0 },
    { name: 'origin', ms: record.origin ?? 0 },
    { name: 'transfer', ms: record.duration - record.firstByte },
  ];
  return parts.filter(({ ms }) => ms > 0);
}
