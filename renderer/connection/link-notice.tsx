import { Late } from '../controls/late.tsx';
import { Notice } from '../controls/notice.tsx';
import { linkView } from '../state/link-view.ts';
import { useMirror } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { useNow } from '../time/use-now.ts';

/** The seconds until the next try; not read out, since they change all the time. */
function Countdown({ at }: { readonly at: number }) {
  const seconds = Math.ceil((at - useNow(500)) / 1000);
  return (
    <span aria-hidden="true" className="tabular text-muted">
      {seconds > 0 ? t.link.retryIn(seconds) : t.link.retryNow}
    </span>
  );
}

/** Says where the line is broken while it is: this window, the edge on this laptop, or the link to the edge. */
export function LinkNotice() {
  const state = useMirror((mirror) => mirror.state);
  const connection = useMirror((mirror) => mirror.connection);
  const { mark, notice } = linkView(state, connection);
  if (notice === undefined) return null;
  const shown = (
    <Notice tone={notice.tone} mark={mark} title={notice.title}>
      {notice.body} {notice.retryAt !== undefined && <Countdown at={notice.retryAt} />}
    </Notice>
  );
  // What is usual at every start is said only when it lasts.
  return notice.tone === 'quiet' ? <Late>{shown}</Late> : shown;
}
