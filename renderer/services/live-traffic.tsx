import { useStore } from 'zustand';
import { usePorthole } from '../state/porthole.tsx';
import { NO_TRAFFIC, SECONDS } from '../state/traffic.ts';
import { t } from '../strings/strings.ts';

const HEIGHT = 16;

/** The last minute as one line: `M0 16H60` when nothing came. */
export function sparkPath(rates: readonly number[]): string {
  const most = Math.max(1, ...rates);
  return rates
    .map((rate, i) => `${i === 0 ? 'M' : 'L'}${i} ${(HEIGHT - 1 - (rate / most) * (HEIGHT - 2)).toFixed(1)}`)
    .join('');
}

/** How much goes on at a service right now; nothing where nobody is there. */
export function LiveTraffic({ serviceId }: { readonly serviceId: string }) {
  const { traffic } = usePorthole();
  const { rates, visitors } = useStore(traffic, (all) => all.get(serviceId) ?? NO_TRAFFIC);
  if (visitors === 0) return null;
  const requests = rates.reduce((sum, rate) => sum + rate, 0);
  const said = t.services.lastMinute(requests, Math.max(...rates));
  return (
    <p className="tabular flex items-center gap-1.5" data-visitors={visitors}>
      <svg
        role="img"
        aria-label={said}
        viewBox={`0 0 ${SECONDS - 1} ${HEIGHT}`}
        width={SECONDS}
        height={HEIGHT}
        className="forced-shape shrink-0 text-accent"
      >
        <title>{said}</title>
        <path d={sparkPath(rates)} fill="none" stroke="currentColor" strokeWidth={1.5} strokeLinejoin="round" />
      </svg>
      {t.services.visitorsNow(visitors)}
    </p>
  );
}
