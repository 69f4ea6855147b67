import type { FailureCode } from '../../shared/domain/failure.ts';
import { isUnder } from '../../shared/domain/hostname.ts';
import type { Stage, Visit } from '../visit.ts';
import { matchTarget } from './path.ts';
import type { RouteTable } from './table.ts';

/** The stage that finds a visit's service in the table that is current when the visit comes. */
export function createRouteStage(current: () => RouteTable): Stage {
  return (visit) => {
    const host = visit.host === '' ? (visit.connection.serverName ?? '') : visit.host;
    if (!visit.connection.secure && !isUnder(host, 'localhost')) return 'no_service';
    const route = current().lookup(host);
    // A browser that shares one connection among names under one certificate asks anew on its own (RFC 9113 9.1.2).
    if (route === undefined) return misdirected(visit, host) ?? 'no_service';
    visit.route = route;
    return misdirected(visit, host) ?? (route.enabled ? undefined : 'service_disabled');
  };
}

/** The connection was opened, and its certificate checked, for another service's name (RFC 9110 section 15.5.20). */
const misdirected = (visit: Visit, host: string): FailureCode | undefined =>
  visit.connection.secure && visit.connection.serverName !== undefined && visit.connection.serverName !== host
    ? 'misdirected'
    : undefined;

/** The stage that chooses a target of the visit's service by path: behind those that say who may come in. */
export const targetStage: Stage = (visit) => {
  const { route } = visit;
  if (route === undefined) return 'no_service';
  const target = matchTarget(route.targets, visit.path);
  if (target === 'ambiguous') return 'request_malformed';
  if (target === undefined) return 'no_target';
  visit.target = target;
  return undefined;
};
