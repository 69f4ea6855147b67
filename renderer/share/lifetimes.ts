import { SHARE_LIFETIME } from '../../shared/domain/auth.ts';

export const LIFETIMES = ['hour', 'tonight', 'day', 'week', 'stopped'] as const;
export type Lifetime = (typeof LIFETIMES)[number];

const HOUR = 3_600_000;
/** Tonight is over at this hour of the next morning: demos run late. */
const MORNING = 4;

/** Milliseconds that a link made at `now` lives. */
export function lifetimeOf(choice: Lifetime, now: number): number {
  switch (choice) {
    case 'hour':
      return HOUR;
    case 'tonight': {
      const end = new Date(now);
      if (end.getHours() >= MORNING) end.setDate(end.getDate() + 1);
      end.setHours(MORNING, 0, 0, 0);
      return Math.max(HOUR, end.getTime() - now);
    }
    case 'day':
      return 24 * HOUR;
    case 'week':
      return 7 * 24 * HOUR;
    case 'stopped':
      return SHARE_LIFETIME.longest;
  }
}
