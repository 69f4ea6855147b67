import { type ReactNode, useEffect, useRef } from 'react';
import { Icon } from '../controls/icons.tsx';
import { Problem } from '../controls/notice.tsx';
import { splitUrl } from '../state/address.ts';
import { t } from '../strings/strings.ts';
import type { Fresh } from './fresh.ts';
import { useCopy } from './use-copy.ts';

interface CopyUrlProps {
  readonly url: string;
  /** Dimmed: the URL leads nowhere right now. */
  readonly dim: boolean;
  /** The service was made public just now: it takes the focus, and says so if the URL was copied already. */
  readonly fresh: Fresh | undefined;
}

/** Each part stays in one piece unless it is wider than the row: nobody can read a port that is cut in two. */
const Part = ({ children }: { readonly children: ReactNode }) => (
  <span className="inline-block max-w-full wrap-anywhere">{children}</span>
);

/** The URL, the largest thing on its row; clicking anywhere on it copies it. */
export function CopyUrl({ url, dim, fresh }: CopyUrlProps) {
  const { copied, copy } = useCopy(fresh?.copied === true ? 'yes' : 'no');
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (fresh === undefined) return;
    button.current?.focus({ preventScroll: true });
    button.current?.scrollIntoView({ block: 'nearest' });
  }, [fresh]);
  const { scheme, label, domain, port } = splitUrl(url);
  return (
    <>
      <button
        ref={button}
        type="button"
        aria-label={t.services.copyUrl(url)}
        title={url}
        onClick={() => copy(url)}
        className="group -mx-2 flex min-h-9 max-w-full min-w-0 items-center gap-2 rounded-8 px-2 py-1 text-left transition-colors duration-120 ease-out hover:bg-accent-soft pointer-coarse:min-h-11"
      >
        <span className="min-w-0 font-mono text-15 text-muted sm:text-18">
          <Part>
            <span className={scheme.startsWith('http') ? 'hidden sm:inline' : ''}>{scheme}</span>
            <span className={dim ? 'font-semibold' : 'font-semibold text-text'}>{label}</span>
          </Part>
          {domain !== '' && <Part>{domain}</Part>}
          {port !== '' && <Part>{port}</Part>}
        </span>
        <span
          className={`inline-flex shrink-0 items-center gap-1 text-13 font-semibold ${copied === 'yes' ? 'text-live' : 'text-accent'}`}
        >
          <Icon name={copied === 'yes' ? 'check' : 'copy'} />
          <span className={copied === 'yes' ? 'min-w-11' : 'hidden min-w-11 min-[360px]:inline'}>
            {copied === 'yes' ? t.services.copied : t.services.copy}
          </span>
        </span>
      </button>
      <span role="status" className="sr-only">
        {copied === 'yes' ? t.services.copiedAloud : ''}
      </span>
      {copied === 'failed' && (
        <>
          <Problem>{t.services.copyFailed}</Problem>
          <code className="text-13 select-all wrap-anywhere">{url}</code>
        </>
      )}
    </>
  );
}
