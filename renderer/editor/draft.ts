import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { HeaderRule } from '../../shared/domain/auth.ts';
import type { CrowdsecMode } from '../../shared/domain/restrictions.ts';
import type { OriginProtocol, PathRewrite, Target, TargetType } from '../../shared/domain/service.ts';

/** A target as it stands in the form: everything that is typed is text. */
export interface TargetDraft {
  /** Of the form; stays while the target is edited. */
  readonly key: string;
  /** Absent: it is not saved yet. */
  readonly id?: string;
  readonly agentId?: string;
  readonly type: TargetType;
  readonly host: string;
  readonly port: string;
  readonly protocol: OriginProtocol;
  readonly path: string;
  readonly enabled: boolean;
  readonly subnet: string;
  readonly verify: boolean;
  readonly http2: boolean;
  readonly pathRewrite: PathRewrite;
  readonly connectTimeout: string;
  readonly responseTimeout: string;
  readonly idleTimeout: string;
  readonly proxyProtocol: boolean;
  readonly headers: readonly { readonly key: string; readonly name: string; readonly value: string }[];
}

/** A secret that is never shown: kept as it is, or replaced by what is typed. */
export interface SecretDraft {
  readonly on: boolean;
  /** Empty: the stored one stays. */
  readonly value: string;
}

export interface HeaderDraft {
  readonly key: string;
  /** Absent: it is not saved yet. */
  readonly id?: string;
  readonly kind: HeaderRule['kind'];
  readonly name: string;
  readonly user: string;
  readonly secret: string;
}

export interface AuthDraft {
  readonly password: SecretDraft;
  readonly pin: SecretDraft;
  readonly headers: readonly HeaderDraft[];
  readonly sso: { readonly on: boolean; readonly provider: string; readonly groups: string };
  readonly link: boolean;
}

export interface AccessDraft {
  /** A network a line. */
  readonly allowCidrs: string;
  readonly blockCidrs: string;
  readonly allowCountries: readonly string[];
  readonly blockCountries: readonly string[];
  readonly allowMatch: 'all' | 'any';
  readonly crowdsec: CrowdsecMode;
}

/** Everything about a service that can be changed, as it stands in the form. */
export interface ServiceDraft {
  readonly name: string;
  readonly subdomain: string;
  readonly listenPort: string;
  readonly passHostHeader: boolean;
  readonly rewriteRedirects: boolean;
  readonly targets: readonly TargetDraft[];
  readonly auth: AuthDraft;
  readonly access: AccessDraft;
}

let keys = 0;
/** A key for a row that isn't saved yet. */
export const newKey = (): string => `new-${++keys}`;

/** Milliseconds as people write them: `30s`, `2m`. */
export function durationText(ms: number | undefined): string {
  if (ms === undefined) return '';
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** The part of a service's domain that its owner chooses. */
export const subdomainOf = (domain: string, cluster: string): string =>
  domain.endsWith(`.${cluster}`) ? domain.slice(0, -cluster.length - 1) : domain;

function draftOfTarget(target: Target): TargetDraft {
  return {
    key: target.id,
    id: target.id,
    agentId: target.agentId,
    type: target.type,
    host: target.host,
    port: target.type === 'unix' ? '' : String(target.port),
    protocol: target.protocol,
    path: target.path,
    enabled: target.enabled,
    subnet: target.subnet ?? '',
    verify: !target.skipTlsVerify,
    http2: target.http2 ?? target.protocol === 'https',
    pathRewrite: target.pathRewrite ?? 'strip',
    connectTimeout: durationText(target.connectTimeout),
    responseTimeout: durationText(target.responseTimeout),
    idleTimeout: durationText(target.idleTimeout),
    proxyProtocol: target.proxyProtocol === true,
    headers: (target.customHeaders ?? []).map((header, index) => ({ key: `${target.id}-${index}`, ...header })),
  };
}

/** A further target: another path to the laptop itself. */
export const emptyTarget = (mode: ServiceView['mode']): TargetDraft => ({
  key: newKey(),
  type: 'agent',
  host: 'localhost',
  port: '',
  protocol: mode === 'http' ? 'http' : mode === 'udp' ? 'udp' : 'tcp',
  path: '/',
  enabled: true,
  subnet: '',
  verify: false,
  http2: false,
  pathRewrite: 'strip',
  connectTimeout: '10s',
  responseTimeout: '',
  idleTimeout: '',
  proxyProtocol: false,
  headers: [],
});

/** The form for `service`, of a cluster with the domain `cluster`. */
export function draftOf(service: ServiceView, cluster: string): ServiceDraft {
  const { auth = {}, restrictions = {} } = service;
  return {
    name: service.name,
    subdomain: subdomainOf(service.domain, cluster),
    listenPort: service.listenPort === undefined ? '' : String(service.listenPort),
    passHostHeader: service.passHostHeader,
    rewriteRedirects: service.rewriteRedirects === true,
    targets: service.targets.map(draftOfTarget),
    auth: {
      password: { on: auth.password === true, value: '' },
      pin: { on: auth.pin === true, value: '' },
      headers: (auth.headers ?? []).map(({ id, kind, name, user = '' }) => ({
        key: id,
        id,
        kind,
        name,
        user,
        secret: '',
      })),
      sso: {
        on: auth.sso !== undefined,
        provider: auth.sso?.provider ?? '',
        groups: auth.sso?.groups.join('\n') ?? '',
      },
      link: auth.link === true,
    },
    access: {
      allowCidrs: (restrictions.allowCidrs ?? []).join('\n'),
      blockCidrs: (restrictions.blockCidrs ?? []).join('\n'),
      allowCountries: restrictions.allowCountries ?? [],
      blockCountries: restrictions.blockCountries ?? [],
      allowMatch: restrictions.allowMatch ?? 'all',
      crowdsec: restrictions.crowdsec ?? 'off',
    },
  };
}

/** Whether anything protects the service once the draft is saved. */
export const protects = ({ auth }: ServiceDraft): boolean =>
  auth.password.on || auth.pin.on || auth.sso.on || auth.link || auth.headers.length > 0;

/** Whether nothing differs. */
export const sameDraft = (a: ServiceDraft, b: ServiceDraft): boolean => JSON.stringify(a) === JSON.stringify(b);
