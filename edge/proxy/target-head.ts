import { plainHeaderName } from '../../shared/domain/custom-headers.ts';
import type { Forwarded, RouteTarget } from '../visit.ts';
import { withoutFields } from './fields.ts';
import { stripPrefix } from './forward-head.ts';
import type { RequestHead } from './request-head.ts';

/**
 * The request head as `target` gets it: its path prefix stripped unless it stays, its custom headers in place of the
 * visitor's of the same names, `forwarded` in place of what the visitor sent. The very same head for a target where
 * nothing is to be done.
 */
export function headForTarget(head: RequestHead, target: RouteTarget, forwarded?: Forwarded): RequestHead {
  const { prefix, options } = target;
  const strip = prefix !== '/' && options?.preservePath !== true;
  if (!strip && forwarded === undefined && (options === undefined || options.headers === '')) return head;
  return {
    ...head,
    target: strip ? stripPrefix(head.target, prefix) : head.target,
    fields: withCustomHeaders(forwarded?.fields ?? head.fields, target),
    recurs: false,
  };
}

function withCustomHeaders(fields: string, { options }: RouteTarget): string {
  if (options === undefined || options.headers === '') return fields;
  return withoutReplaced(fields, options.replaced) + options.headers;
}

/**
 * A trailer section without what `target` replaces and what is `withheld` from origins: some of them merge it into
 * the head.
 */
export function trailersForTarget(
  trailers: string,
  target: RouteTarget | undefined,
  withheld?: ReadonlySet<string>,
): string {
  if (trailers === '') return trailers;
  const rest = withheld === undefined ? trailers : withoutReplaced(trailers, withheld);
  return target?.options === undefined ? rest : withoutReplaced(rest, target.options.replaced);
}

const withoutReplaced = (fields: string, replaced: ReadonlySet<string>): string =>
  replaced.size === 0 ? fields : withoutFields(fields, (name) => replaced.has(plainHeaderName(name)));
