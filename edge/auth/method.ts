import type { ServiceAuth } from '../../shared/domain/auth.ts';
import type { Verdict } from '../visit.ts';
import type { Door } from './door.ts';

/**
 * A way to log in with pages of its own, such as a provider that visitors are sent to and come back from. Where it is
 * the only way of a service, visitors are sent on at once; else the login page offers it beside the forms.
 */
export interface Method {
  /** Whether a service with `methods` has it. */
  offered(methods: ServiceAuth): boolean;
  /** How the login page offers it; `next` is a path of the service that was checked. */
  link(door: Door, next: string): { readonly href: string; readonly label: string };
  /** Begins it. */
  begin(door: Door, next: string): Verdict;
  /** Answers a request to a path under `/.porthole/` that is its own; `undefined` when it isn't. */
  answer(door: Door): Verdict;
}
