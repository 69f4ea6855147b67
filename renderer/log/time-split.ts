import type { AccessRecord } from '../../shared/domain/access-record.ts';

export type PartName = 'edge' | 'tunnel' | 'origin' | 'transfer';

/** One stretch of a request's time. */
export interface TimePart {
  readonly name: PartName;
  /** Milliseconds. */
  readonly ms: number;
  /** Of the whole, 0 to 1. */
  readonly share: number;
}

/**
 * A request's time in the order in which it passed: edge, tunnel and origin until the first byte, then the rest of the
 * response. Empty when no answer was sent or nothing was measured.
 */
export function splitTime(record: AccessRecord): readonly TimePart[] {
  if (record.firstByte === undefined) return [];
  const parts: readonly (readonly [PartName, number])[] = [
    ['edge', record.edge ?? 0],
    ['tunnel', record.tunnel ?? 0],
    ['origin', record.origin ?? 0],
    ['transfer', Math.max(0, record.duration - record.firstByte)],
  ];
  const whole = parts.reduce((sum, [, ms]) => sum + Math.max(0, ms), 0);
  if (whole <= 0) return [];
  return parts
    .map(([name, ms]) => ({ name, ms: Math.max(0, ms), share: Math.max(0, ms) / whole }))
    .filter((part) => part.ms > 0);
}
