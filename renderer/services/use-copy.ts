import { useCallback, useEffect, useState } from 'react';
import { usePorthole } from '../state/porthole.tsx';

/** How long a control says that it copied, in milliseconds. */
const SAID_FOR = 2500;

export type Copied = 'no' | 'yes' | 'failed';

/** Copies text and remembers for a moment that it did; a failure stays until the next try. */
export function useCopy(initially: Copied): { readonly copied: Copied; readonly copy: (text: string) => void } {
  const { transport } = usePorthole();
  const [copied, setCopied] = useState<Copied>(initially);
  useEffect(() => setCopied(initially), [initially]);
  useEffect(() => {
    if (copied !== 'yes') return undefined;
    const timer = window.setTimeout(() => setCopied('no'), SAID_FOR);
    return () => window.clearTimeout(timer);
  }, [copied]);
  const copy = useCallback(
    (text: string) => void transport.copy(text).then((done) => setCopied(done ? 'yes' : 'failed')),
    [transport],
  );
  return { copied, copy };
}
