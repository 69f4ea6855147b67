import { useEffect, useState } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { draftOf, type ServiceDraft, sameDraft } from './draft.ts';

/**
 * The service as it is known best: what a save answered, until the snapshot (`told`), which comes a moment later, says
 * something new. Whoever edits on at once begins with that: lists are saved whole, so one of before would take back what
 * was just added. Returns how to tell of an answer, too.
 */
export function useLatest(told: ServiceView, cluster: string): readonly [ServiceView, (saved: ServiceView) => void] {
  const [answer, setAnswer] = useState<{ readonly saved: ServiceView; readonly before: ServiceDraft } | undefined>();
  const ahead = answer !== undefined && sameDraft(answer.before, draftOf(told, cluster));
  useEffect(() => {
    if (!ahead) setAnswer(undefined);
  }, [ahead]);
  return [ahead ? answer.saved : told, (saved) => setAnswer({ saved, before: draftOf(told, cluster) })];
}
