import { createStore } from 'zustand/vanilla';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { type ServiceDraft, sameDraft } from './draft.ts';

/** A service that is being edited: as it was when that began, and as it stands in the form. */
export interface Editing {
  readonly base: ServiceDraft;
  readonly draft: ServiceDraft;
}

interface Desk {
  /** Unsaved changes by service id. */
  readonly editing: Readonly<Record<string, Editing>>;
  /** What the last save of each service answered. */
  readonly answers: Readonly<Record<string, ServiceView>>;
}

/**
 * Unsaved changes and answers to saves, kept while the page lives: whoever looks something up on another screen finds
 * them again. In memory only, because they may hold passwords.
 */
export const desk = createStore<Desk>(() => ({ editing: {}, answers: {} }));

/** Changes the form of a service. A form that says what is saved already is forgotten. */
export function edit(id: string, base: ServiceDraft, draft: ServiceDraft): void {
  if (sameDraft(base, draft)) discard(id);
  else desk.setState(({ editing }) => ({ editing: { ...editing, [id]: { base, draft } } }));
}

/** Forgets unsaved changes. */
export const discard = (id: string): void => desk.setState(({ editing }) => ({ editing: without(editing, id) }));

/** A save has answered: the form is forgotten, and what is shown and edited on from is `answer`, in one step. */
export const settle = (answer: ServiceView): void =>
  desk.setState(({ editing, answers }) => ({
    editing: without(editing, answer.id),
    answers: { ...answers, [answer.id]: answer },
  }));

/**
 * The service as it is known best: what a save answered until the snapshot (`told`), which comes a moment later, has
 * reached that change. Whoever edits on at once begins with that: lists are saved whole, so one of before would take
 * back what was just added. Snapshots of earlier saves may still arrive after the answer to a later one.
 */
export const latestOf = (told: ServiceView, answer: ServiceView | undefined): ServiceView =>
  answer !== undefined && (answer.revision ?? 0) > (told.revision ?? 0) ? answer : told;

/** Asks before the page goes away with unsaved changes. Returns how to stop that. */
export function guardUnsaved(): () => void {
  const onLeave = (event: BeforeUnloadEvent): void => {
    if (Object.keys(desk.getState().editing).length > 0) event.preventDefault();
  };
  window.addEventListener('beforeunload', onLeave);
  return () => window.removeEventListener('beforeunload', onLeave);
}

const without = (editing: Desk['editing'], id: string): Desk['editing'] =>
  Object.fromEntries(Object.entries(editing).filter(([key]) => key !== id));
