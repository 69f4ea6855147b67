import type { z } from 'zod';
import type { newTargetSchema } from '../../shared/contract/control-api.ts';
import { cidrContains, parseAddress, parseCidr } from '../../shared/domain/cidr.ts';
import { checkCustomHeaders } from '../../shared/domain/custom-headers.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { isDialHost } from '../../shared/domain/hostname.ts';
import { type Because, because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import {
  DEFAULT_CONNECT_TIMEOUT,
  type OriginProtocol,
  type ServiceMode,
  type Target,
} from '../../shared/domain/service.ts';
import { isUnixPath, UNIX_PATH_LIMIT } from '../../shared/domain/unix-path.ts';

type TargetInput = z.output<typeof newTargetSchema>;

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

const invalid = (reason: Because, field: string): Result<never, Failure> =>
  err(failure('input_invalid', { reason }, field));

/**
 * The target that `input` asks for in a service of `mode`; `field` is its path in the input. Fails with `host_invalid`,
 * `header_invalid`, `input_invalid`.
 */
export function makeTarget(
  mode: ServiceMode,
  input: TargetInput,
  field: string,
): Result<Omit<Target, 'id' | 'agentId'>, Failure> {
  const path = parsePath(input.path, `${field}.path`);
  if (!path.ok) return path;
  const place = parsePlace(input, field);
  if (!place.ok) return place;
  if ((input.type === 'unix') !== (input.port === 0))
    return err(failure('port_invalid', { port: input.port }, `${field}.port`));
  const protocol = parseProtocol(mode, input, field);
  if (!protocol.ok) return protocol;
  const headers = checkCustomHeaders(input.customHeaders ?? [], `${field}.customHeaders`);
  if (!headers.ok) return headers;
  const misfit = mode === 'http' ? httpMisfit(input) : directMisfit(mode, input, path.value);
  if (misfit !== undefined) return invalid(misfit.reason, `${field}.${misfit.option}`);
  return ok({
    ...place.value,
    port: input.port,
    protocol: protocol.value,
    path: path.value,
    enabled: input.enabled,
    // Development servers on the laptop itself sign their own certificates; elsewhere that is worth a refusal.
    skipTlsVerify: input.protocol === 'https' && (input.skipTlsVerify ?? isOwnMachine(input)),
    connectTimeout: input.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT,
    ...(input.idleTimeout === undefined ? {} : { idleTimeout: input.idleTimeout }),
    ...(input.proxyProtocol === true ? { proxyProtocol: true } : {}),
    ...(input.pathRewrite === 'preserve' ? { pathRewrite: 'preserve' } : {}),
    ...(input.responseTimeout === undefined ? {} : { responseTimeout: input.responseTimeout }),
    ...(headers.value.length === 0 ? {} : { customHeaders: headers.value }),
    ...(input.http2 === undefined ? {} : { http2: input.http2 }),
  });
}

/** What the agent dials follows from the mode; only an HTTP service leaves a choice. */
function parseProtocol(mode: ServiceMode, { protocol }: TargetInput, field: string): Result<OriginProtocol, Failure> {
  const http = protocol === 'http' || protocol === 'https';
  if (mode === 'http') return http ? ok(protocol) : invalid(because('target_not_http'), `${field}.protocol`);
  const wanted = mode === 'udp' ? 'udp' : 'tcp';
  // `http` is what stands there when nothing was said.
  if (protocol !== 'http' && protocol !== wanted)
    return invalid(because('target_protocol', { mode, protocol: wanted }), `${field}.protocol`);
  return ok(wanted);
}

interface Misfit {
  readonly option: keyof TargetInput;
  readonly reason: Because;
}

function httpMisfit({ idleTimeout, proxyProtocol }: TargetInput): Misfit | undefined {
  if (idleTimeout !== undefined) return { option: 'idleTimeout', reason: because('target_idle_timeout') };
  return proxyProtocol === true ? { option: 'proxyProtocol', reason: because('target_proxy_protocol') } : undefined;
}

const isOwnMachine = ({ type }: TargetInput): boolean => type === 'agent' || type === 'unix';

const HTTP_OPTIONS = ['pathRewrite', 'responseTimeout', 'customHeaders', 'http2'] as const;
/** The defaults may be said, of what doesn't apply too. */
const isSet = (value: unknown): boolean =>
  value !== undefined && value !== 'strip' && !(Array.isArray(value) && value.length === 0);

function directMisfit(mode: ServiceMode, input: TargetInput, path: string): Misfit | undefined {
  if (path !== '/') return { option: 'path', reason: because('target_path', { mode }) };
  if (input.skipTlsVerify === true) return { option: 'skipTlsVerify', reason: because('target_verify', { mode }) };
  const http = HTTP_OPTIONS.find((option) => isSet(input[option]));
  if (http !== undefined) return { option: http, reason: because('target_http_only', { mode }) };
  if (input.type === 'unix' && mode !== 'tcp') return { option: 'type', reason: because('target_socket', { mode }) };
  if (!input.enabled) return { option: 'enabled', reason: because('target_only') };
  return mode === 'udp' && input.proxyProtocol === true
    ? { option: 'proxyProtocol', reason: because('target_proxy_protocol') }
    : undefined;
}

/** Where the agent finds the target, in one spelling. */
function parsePlace(input: TargetInput, field: string): Result<Pick<Target, 'type' | 'host' | 'subnet'>, Failure> {
  if (input.type === 'unix') return parseSocketPath(input.host, field);
  const host = input.host.trim().toLowerCase().replace(/\.$/, '');
  const bare = host.replace(/^\[|\]$/g, '');
  if (!isDialHost(host)) return err(failure('host_invalid', { host: input.host }, `${field}.host`));
  if (input.type !== 'subnet' && input.subnet !== undefined)
    return invalid(because('target_subnet'), `${field}.subnet`);
  switch (input.type) {
    case 'agent':
      if (LOOPBACK_NAMES.has(host)) return ok({ type: 'agent', host: 'localhost' });
      return invalid(because('target_agent', { host }), `${field}.host`);
    case 'host':
      return ok({ type: 'host', host: bare });
    case 'domain':
      if (parseAddress(bare) === undefined) return ok({ type: 'domain', host });
      return invalid(because('target_domain', { host }), `${field}.host`);
    case 'subnet':
      return parseSubnet(bare, input.subnet, field);
  }
}

function parseSocketPath(path: string, field: string): Result<Pick<Target, 'type' | 'host'>, Failure> {
  if (isUnixPath(path)) return ok({ type: 'unix', host: path });
  return invalid(because('target_socket_path', { limit: UNIX_PATH_LIMIT }), `${field}.host`);
}

function parseSubnet(
  host: string,
  subnet: string | undefined,
  field: string,
): Result<Pick<Target, 'type' | 'host' | 'subnet'>, Failure> {
  const network = parseCidr(subnet ?? '');
  if (network === undefined) return invalid(because('target_no_network'), `${field}.subnet`);
  const [typed = ''] = (subnet ?? '').trim().split('/');
  if (!cidrContains({ ...network, bits: network.family === 4 ? 32 : 128 }, typed))
    return invalid(because('target_host_bits', { network: network.text }), `${field}.subnet`);
  if (!cidrContains(network, host))
    return invalid(because('target_outside', { host, network: network.text }), `${field}.host`);
  return ok({ type: 'subnet', host, subnet: network.text });
}

/** Characters of a path segment that mean themselves, however a server reads them (RFC 3986 `pchar` without `%`, `;`). */
const SEGMENT = /^[A-Za-z0-9._~!$&'()*+,=:@-]+$/;

/**
 * A path prefix in the one form that requests are matched against: no slash at its end, no empty segments. Dots,
 * escapes and parameters are refused, because servers disagree on what they mean.
 */
function parsePath(text: string, field: string): Result<string, Failure> {
  const segments = text.split('/').filter((segment) => segment !== '');
  for (const segment of segments) {
    if (segment === '.' || segment === '..' || !SEGMENT.test(segment)) {
      const reason = because('target_path_form', { path: text.slice(0, 60) });
      return err(failure('input_invalid', { reason }, field));
    }
  }
  return ok(`/${segments.join('/')}`);
}
