import { en } from './en.ts';

type Translated<T> = {
  readonly [K in keyof T]: T[K] extends (...values: infer A) => string
    ? (...values: A) => string
    : T[K] extends string
      ? string
      : Translated<T[K]>;
};

/** What every language must say; another catalogue is a value of this type. */
export type Catalogue = Translated<typeof en>;

/** The words of the user interface. Components hold no text of their own. */
export const t: Catalogue = en;
