import { plainHeaderName } from '../../shared/domain/custom-headers.ts';
import type { RouteTarget } from '../visit.ts';
import { withoutFields } from './fields.ts';
import { stripPrefix } from './forward-head.ts';
import type { RequestHead } from './request-head.ts';

/**
 * The request head as `target` gets it: its path prefix stripped unless it stays, its custom headers in place of the
 * visitor's of the same names. The very same head for a target where nothing is to be done.
 */
export function headForTarget(head: RequestHead, target: RouteTarget): RequestHead {
  const { prefix, options } = target;
  const strip = prefix !== '/' && options?.preservePath !== true;
  if (!strip && (options === undefined || options.headers === '')) return head;
  return {
    ...head,
    target: strip ? stripPrefix(head.target, prefix) : head.target,
    fields: withCustomHeaders(head.fields, target),
  };
}

function withCustomHeaders(fields: string, { options }: RouteTarget): string {
  if (options === undefined || options.headers === '') return fields;
  return withoutReplaced(fields, options.replaced) + options.headers;
}

/** A field section without what `target` replaces: in a trailer section too, which some origins merge into the head. */
export const trailersForTarget = (trailers: string, target: RouteTarget | undefined): string =>
  trailers === '' || target?.options === undefined ? trailers : withoutReplaced(trailers, target.options.replaced);

const withoutReplaced = (fields: string, replaced: ReadonlySet<string>): string =>
  replaced.size === 0 ? fields : withoutFields(fields, (name) => replaced.has(plainHeaderName(name)));
