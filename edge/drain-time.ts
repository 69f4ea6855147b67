import type { EdgeConfig } from './config.ts';

/** An embedded edge's only agent ends too. */
const DRAIN_TIME = 30_000;
const EMBEDDED_DRAIN_TIME = 2_000;

/** Milliseconds that visitors' requests have to finish once a drain has begun. */
export const drainTime = ({ embedded }: EdgeConfig): number => (embedded ? EMBEDDED_DRAIN_TIME : DRAIN_TIME);
