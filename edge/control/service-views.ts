import type { ClusterInfo, ServiceView } from '../../shared/contract/control-api.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import type { Service } from '../../shared/domain/service.ts';
import { deriveStatus } from '../../shared/domain/status.ts';
import type { Store, StoredService } from '../store/store.ts';
import type { Facts } from './facts.ts';

const HTTPS_PORT = 443;
const HTTP_PORT = 80;

/** Services as clients see them: what the store holds, joined with what this node knows. */
export class ServiceViews {
  readonly #store: Store;
  readonly #facts: Facts;
  readonly #cluster: () => ClusterInfo;

  constructor(store: Store, facts: Facts, cluster: () => ClusterInfo) {
    this.#store = store;
    this.#facts = facts;
    this.#cluster = cluster;
  }

  /** The services of an agent, newest first, and the revision they are of. */
  async of(agentId: string): Promise<Result<{ revision: number; services: ServiceView[] }, Failure>> {
    const stored = await this.#store.servicesOf(agentId);
    if (!stored.ok) return stored;
    const { revision, services } = stored.value;
    return ok({ revision, services: services.map((s) => this.view(s)) });
  }

  view({ service, revision }: StoredService): ServiceView {
    const { status, reason } = deriveStatus(service, this.#facts.of(service, revision));
    return {
      ...service,
      targets: [...service.targets],
      status,
      ...(reason === undefined ? {} : { statusReason: reason }),
      urls: this.#urls(service),
    };
  }

  #urls(service: Service): { https: string; http?: string } {
    const { httpsPort, httpPort } = this.#cluster();
    const https = `https://${service.domain}${httpsPort === HTTPS_PORT ? '' : `:${httpsPort}`}`;
    if (httpPort === undefined) return { https };
    return { https, http: `http://${service.domain}${httpPort === HTTP_PORT ? '' : `:${httpPort}`}` };
  }
}
