import type { ClusterInfo, ServiceUrls, ServiceView } from '../../shared/contract/control-api.ts';
import { explain, type Failure } from '../../shared/domain/failure.ts';
import { isUnder } from '../../shared/domain/hostname.ts';
import { because } from '../../shared/domain/reason.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import type { Service } from '../../shared/domain/service.ts';
import { deriveStatus } from '../../shared/domain/status.ts';
import type { Store, StoredService } from '../store/store.ts';
import type { Facts } from './facts.ts';

const DAMAGED: ReturnType<typeof deriveStatus> = {
  status: 'error',
  reason: because('service_secrets_damaged'),
};

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

  view({ service, revision, guard, shares }: StoredService): ServiceView {
    const derived = deriveStatus(service, this.#facts.of(service, revision));
    const { status, reason } = guard !== undefined && guard.secrets === undefined ? DAMAGED : derived;
    return {
      ...service,
      targets: [...service.targets],
      status,
      ...(reason === undefined ? {} : { statusReason: explain(reason), statusWhy: reason }),
      urls: this.#urls(service),
      revision,
      ...(shares === undefined ? {} : { shares }),
    };
  }

  #urls(service: Service): ServiceUrls {
    const { httpsPort, httpPort } = this.#cluster();
    if (service.mode !== 'http')
      return { direct: `${service.mode}://${directHost(service)}:${service.listenPort ?? httpsPort}` };
    const https = `https://${service.domain}${httpsPort === HTTPS_PORT ? '' : `:${httpsPort}`}`;
    if (httpPort === undefined) return { https };
    return { https, http: `http://${service.domain}${httpPort === HTTP_PORT ? '' : `:${httpPort}`}` };
  }
}

/**
 * The name to connect to. Many resolvers don't know names under `localhost` (browsers do, but no browser opens these),
 * and a TCP or UDP service is told by its port alone; TLS needs its own name.
 */
const directHost = ({ mode, domain }: Service): string =>
  mode !== 'tls' && isUnder(domain, 'localhost') ? 'localhost' : domain;
