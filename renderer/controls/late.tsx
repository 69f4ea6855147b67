import { type ReactNode, useEffect, useState } from 'react';

/** Shows its children only after 300 ms: what loads faster than that shows no skeleton. */
export function Late({ children }: { readonly children: ReactNode }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setLate(true), 300);
    return () => window.clearTimeout(timer);
  }, []);
  return late ? children : null;
}

/** Grey bars where `rows` rows will be. */
export const Skeleton = ({ rows, label }: { readonly rows: number; readonly label: string }) => (
  <Late>
    <div
      role="status"
      aria-label={label}
      className="flex max-w-[720px] flex-col gap-4 rounded-8 border border-line bg-surface p-4"
    >
      {Array.from({ length: rows }, (_, row) => (
        // The bars are all alike and never move.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <div key={row} className={`h-5 rounded-8 bg-sunken ${row % 2 === 0 ? 'w-3/4' : 'w-1/2'}`} />
      ))}
    </div>
  </Late>
);
