import { useEffect, useState } from 'react';
import type { Notice } from '../../shared/contract/ipc.ts';
import { usePorthole } from '../state/porthole.tsx';
import { goTo } from '../state/route.ts';
import { t } from '../strings/strings.ts';
import { Button, IconButton } from './button.tsx';
import { Icon } from './icons.tsx';
import { Mark, type MarkState } from './mark.tsx';

/** Shown at once; the oldest make room. */
const AT_MOST = 3;
/** Milliseconds after which good news goes by itself; what needs somebody stays until it is dismissed. */
const GOOD_NEWS = 12_000;

const LOOK: Readonly<
  Record<Notice['kind'], { readonly mark: MarkState; readonly ink: string; readonly stays: boolean }>
> = {
  offline: { mark: 'attention', ink: 'text-warn', stays: true },
  back: { mark: 'on', ink: 'text-live', stays: false },
  certificate: { mark: 'error', ink: 'text-bad', stays: true },
  visitor: { mark: 'on', ink: 'text-accent', stays: false },
  share: { mark: 'on', ink: 'text-accent', stays: false },
  window: { mark: 'on', ink: 'text-muted', stays: false },
};

/** What is shown after `notice` came: being back takes back that it was offline. */
export function withNotice(shown: readonly Notice[], notice: Notice): readonly Notice[] {
  const others = shown.filter(({ id, kind }) => id !== notice.id && !(notice.kind === 'back' && kind === 'offline'));
  return [...others, notice].slice(-AT_MOST);
}

interface ToastProps {
  readonly notice: Notice;
  readonly onDismiss: (id: number) => void;
}

function Toast({ notice, onDismiss }: ToastProps) {
  const { id, kind, title, body, serviceId } = notice;
  const { mark, ink, stays } = LOOK[kind];
  const [held, setHeld] = useState(false);
  useEffect(() => {
    // Whoever is reading or about to press something isn't robbed of it.
    if (stays || held) return undefined;
    const timer = window.setTimeout(() => onDismiss(id), GOOD_NEWS);
    return () => window.clearTimeout(timer);
  }, [stays, held, id, onDismiss]);
  return (
    <li
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className="pointer-events-auto flex gap-3 rounded-8 border border-line bg-surface py-3 pr-2 pl-4 shadow-float"
    >
      <span className={`pt-0.5 ${ink}`}>
        <Mark state={mark} />
      </span>
      <div className="flex min-w-0 flex-1 flex-col items-start gap-1 text-13 wrap-anywhere">
        <p className="line-clamp-2 font-semibold">{title}</p>
        <p className="line-clamp-4 text-muted">{body}</p>
        {serviceId !== undefined && (
          <Button
            look="quiet"
            className="-ml-3"
            onClick={() => {
              onDismiss(id);
              goTo('services', serviceId);
            }}
          >
            {t.toasts.show}
          </Button>
        )}
      </div>
      <IconButton className="-mt-1.5" aria-label={t.toasts.dismiss(title)} onClick={() => onDismiss(id)}>
        <Icon name="close" />
      </IconButton>
    </li>
  );
}

/** What the user should hear of, at the window's edge: read out, never in the way, gone on a click. */
export function Toasts() {
  const { transport } = usePorthole();
  const [shown, setShown] = useState<readonly Notice[]>([]);
  const [dismiss] = useState(() => (id: number) => setShown((all) => all.filter((one) => one.id !== id)));
  useEffect(() => transport.on('notice', (notice) => setShown((all) => withNotice(all, notice))), [transport]);
  return (
    <section aria-label={t.toasts.label} aria-live="polite" aria-relevant="additions">
      <ul className="pointer-events-none fixed right-4 bottom-4 z-20 flex w-[min(360px,calc(100vw-32px))] flex-col gap-2">
        {shown.map((notice) => (
          <Toast key={notice.id} notice={notice} onDismiss={dismiss} />
        ))}
      </ul>
    </section>
  );
}
