import type { EdgeConfig } from '../config.ts';
import type { LimitName, Limits } from '../limits.ts';

/** Limits on what a whole node has at once, of which each worker takes its share. The others hold for one thing. */
const SHARED: readonly LimitName[] = [
  'connections',
  'connectionsPerAddress',
  'connectionsPerService',
  'requestsPerTarget',
  'requestsPerTargetAndAddress',
  'upgradesPerTarget',
  'udpSessionsPerService',
  'udpSessionsPerAddress',
  'udpNewSessionsPerSecond',
  'agentHandshakes',
  'agentHandshakesPerAddress',
];

/**
 * The limits of one of `count` workers. The system spreads connections evenly over them, so a share each comes to the
 * whole; nothing has to be asked of anybody on a visitor's way. Rounded up: together they let in fewer than `count`
 * more than was set.
 */
export function shareOf(limits: Limits, count: number): Limits {
  const share: Record<LimitName, number> = { ...limits };
  for (const name of SHARED) share[name] = Math.ceil(limits[name] / count);
  return share;
}

/** The configuration of one of `count` workers that listen on `bound` addresses. */
export const configFor = (
  config: EdgeConfig,
  bound: Pick<EdgeConfig, 'listen' | 'listenHttp'>,
  count: number,
): EdgeConfig => ({ ...config, ...bound, limits: shareOf(config.limits, count) });
