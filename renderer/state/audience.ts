import type { ServiceView } from '../../shared/contract/control-api.ts';
import { isProtected } from '../../shared/domain/auth.ts';
import { isRestricting } from '../../shared/domain/restrictions.ts';
import { t } from '../strings/strings.ts';

/** Who may see a service, in a few words; `locked`: some, but not everybody. Public is always said, never implied. */
export function audienceOf(service: ServiceView): { readonly words: string; readonly locked: boolean } {
  if (!service.enabled) return { words: t.services.publicToNobody, locked: false };
  const { auth, restrictions } = service;
  const limited = isRestricting(restrictions);
  const places = limited ? `, ${t.audience.restricted}` : '';
  if (auth === undefined || !isProtected(auth)) {
    const words = service.mode === 'http' ? t.services.publicToAll : t.services.publicToAllDirect;
    return { words: words + places, locked: limited };
  }
  const ways = [
    ...(auth.password === true ? [t.audience.password] : []),
    ...(auth.pin === true ? [t.audience.pin] : []),
    ...(auth.sso === undefined
      ? []
      : [auth.sso.groups.length === 0 ? t.audience.sso : t.audience.groups(auth.sso.groups.length)]),
    ...((auth.headers ?? []).length === 0 ? [] : [t.audience.header]),
    ...(auth.link === true ? [t.audience.link] : []),
  ];
  const last = ways.pop() ?? '';
  const words = ways.length === 0 ? last : `${ways.join(', ')} ${t.audience.or} ${last}`;
  return { words: words + places, locked: true };
}
