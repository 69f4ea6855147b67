/**
 * What acts on the screen instead of being seen: C0 and C1 controls, line and paragraph separators, and overrides,
 * embeddings and isolates of the writing direction. Marks that only guide it (U+200E, U+200F) belong to honest names.
 */
const UNSEEN = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

/** Whether `text` can be a name that people are shown, in a terminal, a window or a log: it holds nothing of that. */
export const isDisplayName = (text: string): boolean => !UNSEEN.test(text);
