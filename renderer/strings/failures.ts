import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import type { Reason } from '../../shared/domain/reason.ts';
import * as words from '../../shared/words/say.ts';
import { language } from './strings.ts';

/** `failure` in the language of this page; `undefined` when there is none. */
export function sayFailure(failure: Failure): string;
export function sayFailure(failure: Failure | undefined): string | undefined;
export function sayFailure(failure: Failure | undefined): string | undefined {
  return failure === undefined ? undefined : words.sayFailure(failure, language);
}

/** Why a service stands as it does, in the language of this page, if there is something to say. */
export const sayStatus = ({
  statusReason,
  statusWhy,
}: Pick<ServiceView, 'statusReason' | 'statusWhy'>): string | undefined =>
  statusReason === undefined ? undefined : words.sayExplanation(statusWhy, statusReason, language);

/** `reason` in the language of this page: a part of a sentence. */
export const sayReason = (reason: Reason): string =>
  typeof reason === 'string' ? reason : words.sayBecause(reason, language);
