import type { AgentState, LinkState, NodeLink } from '../../shared/contract/agent-state.ts';
import { Mark, type MarkState } from '../controls/mark.tsx';
import { linksOf } from '../state/connection-view.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { formatAgo } from '../time/ago.ts';
import { formatBytes, formatDuration, formatExact, formatMinute } from '../time/format.ts';
import { useNow } from '../time/use-now.ts';
import { Fact, Panel } from './panel.tsx';

const LOOK: Record<LinkState['state'], { readonly mark: MarkState; readonly ink: string }> = {
  up: { mark: 'on', ink: 'text-live' },
  connecting: { mark: 'connecting', ink: 'text-warn' },
  down: { mark: 'attention', ink: 'text-warn' },
  paused: { mark: 'off', ink: 'text-muted' },
};

function Link({ link, domain }: { readonly link: Partial<NodeLink>; readonly domain: string }) {
  const { state = 'connecting', since = 0, nextTryAt, failure } = link;
  const now = useNow(nextTryAt === undefined ? 5000 : 1000);
  const words = t.connection;
  const wait = nextTryAt === undefined ? 0 : Math.ceil((nextTryAt - now) / 1000);
  const shown = link.lastError ?? (failure === undefined ? undefined : { at: since, failure });
  return (
    <li data-link-state={state} className="flex min-w-0 flex-col gap-3 p-4 not-first:border-t not-first:border-line">
      <div className="flex min-w-0 gap-3">
        <span className={`pt-0.5 ${LOOK[state].ink}`}>
          <Mark state={LOOK[state].mark} />
        </span>
        <div className="min-w-0">
          <p className="text-15 font-semibold wrap-anywhere">{link.address ?? domain}</p>
          <p className="text-13 text-muted" title={since > 0 ? formatExact(since) : undefined}>
            <span className={LOOK[state].ink}>{words.state[state]}</span>
            {since > 0 && ` ${words.since(formatMinute(since))}`}
          </p>
          {wait > 0 && (
            <p aria-hidden="true" className="tabular text-13 text-muted">
              {words.nextTry(wait)}
            </p>
          )}
        </div>
      </div>
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
        <Fact name={words.roundTrip}>
          {link.roundTrip === undefined ? words.notMeasured : formatDuration(link.roundTrip)}
        </Fact>
        {link.carriers !== undefined && <Fact name={words.carriers}>{link.carriers}</Fact>}
        {link.bytesUp !== undefined && <Fact name={words.up}>{formatBytes(link.bytesUp)}</Fact>}
        {link.bytesDown !== undefined && <Fact name={words.down}>{formatBytes(link.bytesDown)}</Fact>}
      </dl>
      {shown !== undefined && (
        <p className="max-w-[68ch] text-13 text-muted wrap-anywhere" title={formatExact(shown.at)}>
          <strong className="font-semibold text-text">{words.lastError(formatAgo(shown.at, now))}:</strong>{' '}
          {sayFailure(shown.failure)}
        </p>
      )}
    </li>
  );
}

/** Each link to a node of the edge: how it is, how fast, how much, and what went wrong last. */
export function LinkList({ state }: { readonly state: AgentState }) {
  return (
    <Panel title={t.connection.links}>
      <ul className="rounded-8 border border-line bg-surface">
        {linksOf(state).map((link, at) => (
          <Link key={link.address ?? String(at)} link={link} domain={state.edge.domain} />
        ))}
      </ul>
    </Panel>
  );
}
