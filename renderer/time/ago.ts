import { t } from '../strings/strings.ts';
import { formatWhen } from './format.ts';

const NOW = 5_000;
const DAY = 86_400_000;

/** A moment that is over, as it stands in a sentence: `now`, `3 min ago`, then the date. Milliseconds since the epoch. */
export function formatAgo(time: number, now: number): string {
  const when = formatWhen(time, now);
  return now - time < NOW || now - time >= DAY ? when : t.connection.ago(when);
}
