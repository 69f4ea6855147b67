import { createStore } from 'zustand/vanilla';
import { type ServiceDraft, sameDraft } from './draft.ts';

/** A service that is being edited: as it was when that began, and as it stands in the form. */
export interface Editing {
  readonly base: ServiceDraft;
  readonly draft: ServiceDraft;
}

/**
 * Unsaved changes by service id, kept while the page lives: whoever looks something up on another screen finds them
 * again. In memory only, because they may hold passwords.
 */
export const drafts = createStore<Readonly<Record<string, Editing>>>(() => ({}));

/** Changes the form of a service. A form that says what is saved already is forgotten. */
export function edit(id: string, base: ServiceDraft, draft: ServiceDraft): void {
  if (sameDraft(base, draft)) discard(id);
  else drafts.setState({ [id]: { base, draft } });
}

/** Forgets unsaved changes. */
export const discard = (id: string): void =>
  drafts.setState((all) => Object.fromEntries(Object.entries(all).filter(([key]) => key !== id)), true);

/** Asks before the page goes away with unsaved changes. Returns how to stop that. */
export function guardUnsaved(): () => void {
  const onLeave = (event: BeforeUnloadEvent): void => {
    if (Object.keys(drafts.getState()).length > 0) event.preventDefault();
  };
  window.addEventListener('beforeunload', onLeave);
  return () => window.removeEventListener('beforeunload', onLeave);
}
