import { isReserved } from '../reserved-path.ts';

/** Characters that a path to return to may have. */
const LIMIT = 2048;
/** Visible ASCII but `\`, which browsers take for `/`; so `//host` and `/\host` are no paths here. */
const PATH = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/;

/** `text` if it is a path of the same service, with its query, that visitors may be sent to; else `/`. */
export const nextPath = (text: string | null | undefined): string =>
  text != null && text.length <= LIMIT && PATH.test(text) && !isReserved(text.split(/[?#]/, 1)[0] ?? '') ? text : '/';
