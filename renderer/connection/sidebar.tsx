import { useCallback, useState } from 'react';
import { Icon } from '../controls/icons.tsx';
import { Mark } from '../controls/mark.tsx';
import { guestsWaiting } from '../state/connection-view.ts';
import { linkView } from '../state/link-view.ts';
import { useMirror } from '../state/porthole.tsx';
import { hrefOf, SCREEN_NAMES, SCREENS, type Screen } from '../state/route.ts';
import { t } from '../strings/strings.ts';
import { formatDuration } from '../time/format.ts';
import { QuitDialog } from './quit-dialog.tsx';

const INK = { off: 'text-muted', connecting: 'text-warn', on: 'text-live', attention: 'text-warn', error: 'text-bad' };

function LinkLine() {
  const state = useMirror((mirror) => mirror.state);
  const connection = useMirror((mirror) => mirror.connection);
  const { mark, word } = linkView(state, connection);
  const edge = connection === 'open' ? state?.edge : undefined;
  const trip = edge?.link.state === 'up' ? edge.link.roundTrip : undefined;
  return (
    <div className="flex min-w-0 items-center gap-2 md:items-start md:px-3" data-link={edge?.link.state ?? 'none'}>
      <span className={`${INK[mark]} md:pt-0.5`}>
        <Mark state={mark} />
      </span>
      <div className="min-w-0 text-13">
        <p className="font-semibold">{word}</p>
        {edge !== undefined && (
          <p className="hidden truncate text-12 text-muted md:block" title={edge.domain}>
            {edge.kind === 'embedded' ? t.link.embedded : edge.domain}
          </p>
        )}
        {trip !== undefined && (
          <p className="tabular hidden text-12 text-muted md:block">{t.link.roundTrip(formatDuration(trip))}</p>
        )}
      </div>
    </div>
  );
}

/** What others asked for and nobody has answered. */
const Waiting = ({ count }: { readonly count: number }) => (
  <span className="ml-2 inline-flex min-w-5 justify-center rounded-full bg-warn-soft px-1.5 text-12 font-semibold text-warn md:ml-auto">
    <span aria-hidden="true">{count}</span>
    <span className="sr-only">{t.connection.waitBadge(count)}</span>
  </span>
);

/** Where to go, how the line stands, and the way out. */
export function Sidebar({ screen }: { readonly screen: Screen }) {
  const [quitting, setQuitting] = useState(false);
  const stay = useCallback(() => setQuitting(false), []);
  const waiting = useMirror((mirror) => guestsWaiting(mirror.state));
  const open = useMirror((mirror) => mirror.connection === 'open' && mirror.state !== undefined);
  return (
    <header className="flex shrink-0 flex-wrap items-center gap-x-3 border-b border-line bg-surface px-4 pt-2 md:w-52 md:flex-col md:flex-nowrap md:items-stretch md:border-r md:border-b-0 md:px-3 md:py-6">
      <p className="flex items-center gap-2 text-15 font-semibold md:px-3 md:pb-6">
        <span className="text-accent">
          <Mark state="on" size={20} />
        </span>
        {t.product}
      </p>
      <nav
        aria-label={t.nav.label}
        className="order-last flex w-full flex-wrap gap-x-1 md:order-none md:flex-col md:gap-1"
      >
        {SCREENS.map((entry) => (
          <a
            key={entry}
            href={hrefOf(entry)}
            aria-current={entry === screen ? 'page' : undefined}
            className="flex min-h-11 items-center border-b-2 border-transparent px-1.5 text-13 whitespace-nowrap sm:px-2 sm:text-15 text-muted hover:text-text aria-[current=page]:border-accent aria-[current=page]:font-semibold aria-[current=page]:text-text md:min-h-9 md:rounded-8 md:border-b-0 md:px-3 md:hover:bg-sunken md:aria-[current=page]:bg-accent-soft"
          >
            {SCREEN_NAMES[entry]}
            {entry === 'connection' && waiting > 0 && <Waiting count={waiting} />}
          </a>
        ))}
      </nav>
      <div className="ml-auto flex items-center gap-1 md:mt-auto md:ml-0 md:flex-col md:items-stretch md:gap-3">
        <LinkLine />
        {open && (
          <button
            type="button"
            onClick={() => setQuitting(true)}
            className="inline-flex min-h-9 min-w-9 shrink-0 items-center justify-center gap-2 rounded-8 text-13 text-muted hover:bg-sunken hover:text-text pointer-coarse:min-h-11 pointer-coarse:min-w-11 md:justify-start md:px-3"
          >
            <Icon name="power" />
            <span className="sr-only md:not-sr-only">{t.quitting.open}</span>
          </button>
        )}
      </div>
      {quitting && <QuitDialog onClose={stay} />}
    </header>
  );
}
