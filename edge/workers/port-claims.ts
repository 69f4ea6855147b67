import type { Failure } from '../../shared/domain/failure.ts';
import type { ListenerKey } from '../control/facts.ts';
import type { PortKey, ServicePorts } from '../listen/service-ports.ts';

/**
 * Which ports of services the workers may listen on. They share each port among themselves, and the system would let
 * any program of the same user join in: so before the first of them listens, the port has to be free altogether.
 */
export class PortClaims {
  readonly #ports: Pick<ServicePorts, 'probe'>;
  /** Granted, or being looked at. Bounded by the ports of services. */
  readonly #claims = new Map<PortKey, Promise<Failure | undefined>>();

  constructor(ports: Pick<ServicePorts, 'probe'>) {
    this.#ports = ports;
  }

  /** Why workers may not listen on the port; the same answer for all of them. */
  claim(key: PortKey): Promise<Failure | undefined> {
    const known = this.#claims.get(key);
    if (known !== undefined) return known;
    const [transport, port] = key.split(' ');
    const claimed = this.#ports.probe(transport === 'udp' ? 'udp' : 'tcp', Number(port)).then((taken) => {
      if (taken !== undefined && this.#claims.get(key) === claimed) this.#claims.delete(key);
      return taken;
    });
    this.#claims.set(key, claimed);
    return claimed;
  }

  /** No worker wants the port any more. */
  release(key: ListenerKey): void {
    this.#claims.delete(key);
  }

  /** Whether a service could have the port right now; one that is the workers' already can. */
  async isFree(key: PortKey): Promise<boolean> {
    const [transport, port] = key.split(' ');
    return (
      this.#claims.has(key) ||
      (await this.#ports.probe(transport === 'udp' ? 'udp' : 'tcp', Number(port))) === undefined
    );
  }
}
