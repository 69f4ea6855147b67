import type {
  AuthPatch,
  NewTarget,
  ServicePatch,
  ServiceView,
  TargetPatch,
} from '../../shared/contract/control-api.ts';
import { checkHeader, checkPassword, checkPin, type HeaderSecret } from '../../shared/domain/auth-rules.ts';
import { parseDuration } from '../../shared/domain/duration.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { checkRestrictions } from '../../shared/domain/restriction-rules.ts';
import type { Restrictions } from '../../shared/domain/restrictions.ts';
import { isPort } from '../../shared/domain/service.ts';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import type { AccessDraft, AuthDraft, HeaderDraft, ServiceDraft, TargetDraft } from './draft.ts';

/** What is wrong, by the form's field: `name`, `target KEY port`, `auth pin`, `header KEY secret`, `access allowCidrs`. */
export type Problems = Readonly<Record<string, string>>;

/** What the form asks for: a change, and where each of its parts stands in the form. */
export interface Plan {
  readonly patch: ServicePatch;
  readonly problems: Problems;
  /** The form's field that a failure's path (`patch.changeTargets.0.port`) means; '' when it concerns the whole form. */
  readonly fieldOf: (failure: Failure) => string;
}

/** Collects what is wrong while a change is put together. */
class Faults {
  readonly all: Record<string, string> = {};

  add(field: string, message: string): void {
    this.all[field] ??= message;
  }

  port(text: string, field: string): number {
    const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!isPort(port)) this.add(field, sayFailure(failure('port_invalid', { port: text.slice(0, 40) })));
    return port;
  }

  duration(text: string, field: string): void {
    if (text.trim() !== '' && parseDuration(text) === undefined) this.add(field, t.editor.durationInvalid);
  }
}

/** The change from `base` to `draft` of a service of `mode`; what is equal in both is left out. */
export function planOf(base: ServiceDraft, draft: ServiceDraft, { mode }: Pick<ServiceView, 'mode'>): Plan {
  const faults = new Faults();
  const targets = planTargets(base, draft, mode, faults);
  const auth = planAuth(base.auth, draft.auth, faults);
  const restrictions = planAccess(base.access, draft.access, faults);
  if (draft.name.trim() === '') faults.add('name', t.editor.nameMissing);
  const listenPort =
    draft.listenPort === base.listenPort || draft.listenPort.trim() === ''
      ? undefined
      : faults.port(draft.listenPort, 'listenPort');
  const patch: ServicePatch = {
    ...(draft.name === base.name ? {} : { name: draft.name.trim() }),
    ...(draft.subdomain === base.subdomain ? {} : { subdomain: draft.subdomain.trim() }),
    ...(listenPort === undefined ? {} : { listenPort }),
    ...(draft.passHostHeader === base.passHostHeader ? {} : { passHostHeader: draft.passHostHeader }),
    ...(draft.rewriteRedirects === base.rewriteRedirects ? {} : { rewriteRedirects: draft.rewriteRedirects }),
    ...targets.patch,
    ...(auth.patch === undefined ? {} : { auth: auth.patch }),
    ...(restrictions === undefined ? {} : { restrictions }),
  };
  const fieldOf = ({ field = '' }: Failure): string => {
    const [first = '', second = '', third = '', fourth = ''] = field.replace(/^patch\./, '').split('.');
    switch (first) {
      case 'changeTargets':
        return targetField(targets.changed[Number(second)], third, fourth);
      case 'addTargets':
        return targetField(targets.added[Number(second)], third, fourth);
      case 'auth':
        return second === 'headers' ? `header ${auth.headers[Number(third)] ?? ''} ${fourth}` : `auth ${second}`;
      case 'restrictions':
        return `access ${second}`;
      case 'domain':
      case 'namePrefix':
        return 'subdomain';
      default:
        return first;
    }
  };
  return { patch, problems: faults.all, fieldOf };
}

function targetField(target: TargetDraft | undefined, part: string, index: string): string {
  if (target === undefined) return '';
  if (part !== 'customHeaders') return `target ${target.key} ${part === 'skipTlsVerify' ? 'verify' : part}`;
  return `target ${target.key} header ${target.headers[Number(index)]?.key ?? ''}`;
}

interface TargetPlan {
  readonly patch: Pick<ServicePatch, 'changeTargets' | 'addTargets' | 'removeTargets'>;
  readonly changed: readonly TargetDraft[];
  readonly added: readonly TargetDraft[];
}

function planTargets(base: ServiceDraft, draft: ServiceDraft, mode: ServiceView['mode'], faults: Faults): TargetPlan {
  const before = new Map(base.targets.map((target) => [target.key, target]));
  const changed: TargetDraft[] = [];
  const added: TargetDraft[] = [];
  const changes: TargetPatch[] = [];
  const paths = new Set<string>();
  for (const target of draft.targets) {
    if (paths.has(target.path)) faults.add(`target ${target.key} path`, t.editor.pathTwice);
    paths.add(target.path);
    const was = before.get(target.key);
    before.delete(target.key);
    if (was !== undefined && JSON.stringify(was) === JSON.stringify(target)) continue;
    checkTarget(target, faults);
    if (was?.id === undefined) added.push(target);
    else {
      changed.push(target);
      changes.push({ id: was.id, ...changeOf(was, target) });
    }
  }
  const removed = [...before.values()].flatMap(({ id }) => (id === undefined ? [] : [id]));
  return {
    patch: {
      ...(changes.length === 0 ? {} : { changeTargets: changes }),
      ...(added.length === 0 ? {} : { addTargets: added.map((target) => newTarget(target, mode)) }),
      ...(removed.length === 0 ? {} : { removeTargets: removed }),
    },
    changed,
    added,
  };
}

function checkTarget(target: TargetDraft, faults: Faults): void {
  const field = (part: string): string => `target ${target.key} ${part}`;
  if (target.type !== 'unix') faults.port(target.port, field('port'));
  if (target.type !== 'agent' && target.host.trim() === '') faults.add(field('host'), t.editor.hostMissing);
  if (target.type === 'subnet' && target.subnet.trim() === '') faults.add(field('subnet'), t.editor.subnetMissing);
  if (!target.path.startsWith('/')) faults.add(field('path'), t.editor.pathStart);
  faults.duration(target.connectTimeout, field('connectTimeout'));
  faults.duration(target.responseTimeout, field('responseTimeout'));
  faults.duration(target.idleTimeout, field('idleTimeout'));
}

const timeOrNull = (text: string): string | null => (text.trim() === '' ? null : text.trim());
const headersOf = ({ headers }: TargetDraft) => headers.map(({ name, value }) => ({ name, value }));

function changeOf(was: TargetDraft, now: TargetDraft): Omit<TargetPatch, 'id'> {
  const moved = was.type !== now.type || was.host !== now.host || was.subnet !== now.subnet;
  return {
    ...(moved ? placeOf(now) : {}),
    ...(moved && now.type !== 'subnet' && was.type === 'subnet' ? { subnet: null } : {}),
    ...(was.port === now.port && was.type === now.type ? {} : { port: now.type === 'unix' ? 0 : Number(now.port) }),
    ...(was.protocol === now.protocol ? {} : { protocol: now.protocol }),
    ...(was.path === now.path ? {} : { path: now.path.trim() }),
    ...(was.enabled === now.enabled ? {} : { enabled: now.enabled }),
    ...(was.verify === now.verify && was.protocol === now.protocol ? {} : verification(now)),
    ...(was.http2 === now.http2 ? {} : { http2: now.http2 }),
    ...(was.pathRewrite === now.pathRewrite ? {} : { pathRewrite: now.pathRewrite }),
    ...(was.connectTimeout === now.connectTimeout ? {} : { connectTimeout: timeOrNull(now.connectTimeout) }),
    ...(was.responseTimeout === now.responseTimeout ? {} : { responseTimeout: timeOrNull(now.responseTimeout) }),
    ...(was.idleTimeout === now.idleTimeout ? {} : { idleTimeout: timeOrNull(now.idleTimeout) }),
    ...(was.proxyProtocol === now.proxyProtocol ? {} : { proxyProtocol: now.proxyProtocol }),
    ...(JSON.stringify(headersOf(was)) === JSON.stringify(headersOf(now)) ? {} : { customHeaders: headersOf(now) }),
  };
}

/** Only an https origin shows a certificate. */
const verification = ({ protocol, verify }: TargetDraft): { readonly skipTlsVerify?: boolean } =>
  protocol === 'https' ? { skipTlsVerify: !verify } : {};

function placeOf({ type, host, subnet }: TargetDraft): Pick<NewTarget, 'type' | 'host' | 'subnet'> {
  if (type === 'agent') return { type, host: 'localhost' };
  return { type, host: host.trim(), ...(type === 'subnet' ? { subnet: subnet.trim() } : {}) };
}

function newTarget(target: TargetDraft, mode: ServiceView['mode']): NewTarget {
  const { connectTimeout, responseTimeout, idleTimeout } = target;
  return {
    ...placeOf(target),
    port: target.type === 'unix' ? 0 : Number(target.port),
    protocol: target.protocol,
    path: target.path.trim(),
    enabled: target.enabled,
    ...verification(target),
    ...(mode === 'http' && target.http2 ? { http2: true } : {}),
    ...(mode === 'http' && target.pathRewrite === 'preserve' ? { pathRewrite: 'preserve' as const } : {}),
    ...(connectTimeout.trim() === '' ? {} : { connectTimeout: connectTimeout.trim() }),
    ...(responseTimeout.trim() === '' ? {} : { responseTimeout: responseTimeout.trim() }),
    ...(idleTimeout.trim() === '' ? {} : { idleTimeout: idleTimeout.trim() }),
    ...(target.proxyProtocol ? { proxyProtocol: true } : {}),
    ...(target.headers.length === 0 ? {} : { customHeaders: headersOf(target) }),
  };
}

function planAuth(
  base: AuthDraft,
  draft: AuthDraft,
  faults: Faults,
): { readonly patch: AuthPatch | undefined; readonly headers: readonly string[] } {
  const patch: AuthPatch = {};
  const password = secretOf(base.password, draft.password, faults, 'auth password', checkPassword);
  if (password !== undefined) patch.password = password;
  const pin = secretOf(base.pin, draft.pin, faults, 'auth pin', checkPin);
  if (pin !== undefined) patch.pin = pin;
  if (JSON.stringify(base.headers) !== JSON.stringify(draft.headers))
    patch.headers = draft.headers.map((header) => headerOf(header, faults));
  if (JSON.stringify(base.sso) !== JSON.stringify(draft.sso)) {
    const { on, provider, groups } = draft.sso;
    patch.sso = on ? { ...(provider === '' ? {} : { provider }), groups: lines(groups) } : null;
  }
  if (base.link !== draft.link) patch.link = draft.link;
  return {
    patch: Object.keys(patch).length === 0 ? undefined : patch,
    headers: draft.headers.map(({ key }) => key),
  };
}

/** `null` switches it off, `undefined` leaves it. */
function secretOf(
  base: AuthDraft['pin'],
  draft: AuthDraft['pin'],
  faults: Faults,
  field: string,
  check: (text: string) => { readonly ok: true } | { readonly ok: false; readonly error: Failure },
): string | null | undefined {
  if (!draft.on) return base.on ? null : undefined;
  if (draft.value === '' && base.on) return undefined;
  const checked = check(draft.value);
  if (!checked.ok) faults.add(field, sayFailure(checked.error));
  return draft.value;
}

function headerOf({ key, id, kind, name, user, secret }: HeaderDraft, faults: Faults) {
  if (id !== undefined) return { id };
  const header: HeaderSecret =
    kind === 'basic'
      ? { kind, user, password: secret }
      : kind === 'bearer'
        ? { kind, token: secret }
        : { kind, name, value: secret };
  const checked = checkHeader(header, '');
  if (!checked.ok) {
    const part = checked.error.field?.slice(1) ?? '';
    faults.add(`header ${key} ${['name', 'user'].includes(part) ? part : 'secret'}`, sayFailure(checked.error));
  }
  return header;
}

/** `null` lifts all restrictions, `undefined` leaves them. */
function planAccess(base: AccessDraft, draft: AccessDraft, faults: Faults): Restrictions | null | undefined {
  if (JSON.stringify(base) === JSON.stringify(draft)) return undefined;
  const wanted: Restrictions = {
    allowCidrs: lines(draft.allowCidrs),
    blockCidrs: lines(draft.blockCidrs),
    allowCountries: draft.allowCountries,
    blockCountries: draft.blockCountries,
    allowMatch: draft.allowMatch,
    crowdsec: draft.crowdsec,
  };
  const checked = checkRestrictions(wanted);
  if (checked.ok) return checked.value ?? null;
  faults.add(`access ${checked.error.field?.split('.')[1] ?? ''}`, sayFailure(checked.error));
  return wanted;
}

/** What stands on lines of its own, or between commas. */
const lines = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
