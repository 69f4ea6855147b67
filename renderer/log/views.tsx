import { hrefOf } from '../state/route.ts';
import { t } from '../strings/strings.ts';

export type View = 'lines' | 'charts';

const HREFS: Readonly<Record<View, string>> = { lines: hrefOf('log'), charts: hrefOf('log', 'charts') };

/** Lines to read, or charts to look at. */
export const Views = ({ shown }: { readonly shown: View }) => (
  <nav aria-label={t.log.views} className="flex gap-1">
    {(['lines', 'charts'] as const).map((view) => (
      <a
        key={view}
        href={HREFS[view]}
        aria-current={view === shown ? 'page' : undefined}
        className="inline-flex min-h-9 items-center rounded-8 px-3 text-13 font-semibold text-muted hover:bg-sunken aria-[current]:bg-accent-soft aria-[current]:text-accent pointer-coarse:min-h-11"
      >
        {t.log[view]}
      </a>
    ))}
  </nav>
);
