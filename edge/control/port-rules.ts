import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { ASSIGNED_PORTS, FIRST_FREE_PORT, type ServiceMode } from '../../shared/domain/service.ts';

/** Which ports services may have. */
export interface PortRules {
  /** Services may ask for a port; otherwise all are assigned. */
  readonly custom: boolean;
  /** The main port: where TLS services without a port of their own are. 0 until the edge listens. */
  readonly main: () => number;
  /** Other TCP ports of the edge's own. */
  readonly reserved: () => readonly number[];
  readonly assigned: { readonly first: number; readonly last: number };
}

export const DEFAULT_PORT_RULES: PortRules = {
  custom: true,
  main: () => 0,
  reserved: () => [],
  assigned: ASSIGNED_PORTS,
};

/**
 * The port that a service of `mode` gets when it asks for `wanted`; `undefined` is the main port, for TLS. Fails with
 * `port_fixed`, `port_privileged`, `port_reserved`, `input_invalid`. Whether it is free, the store decides.
 */
export function checkPort(rules: PortRules, mode: ServiceMode, wanted: number): Result<number | undefined, Failure> {
  const refuse = (code: 'port_fixed' | 'port_privileged' | 'port_reserved'): Result<never, Failure> =>
    err(failure(code, { port: wanted }, 'listenPort'));
  if (mode === 'http') return err(failure('input_invalid', { reason: because('http_port') }, 'listenPort'));
  if (mode === 'tls' && wanted === rules.main()) return ok(undefined);
  if (mode !== 'udp' && (wanted === rules.main() || rules.reserved().includes(wanted))) return refuse('port_reserved');
  if (!rules.custom) return refuse('port_fixed');
  return wanted < FIRST_FREE_PORT ? refuse('port_privileged') : ok(wanted);
}

/** A random port of those that are assigned, none of the edge's own. */
export function drawPort(rules: PortRules, random: (length: number) => Uint8Array): number {
  const { first, last } = rules.assigned;
  const own = new Set([rules.main(), ...rules.reserved()]);
  for (let port = first; ; ) {
    const [high = 0, middle = 0, low = 0] = random(3);
    port = first + (((high << 16) | (middle << 8) | low) % (last - first + 1));
    if (!own.has(port)) return port;
  }
}
