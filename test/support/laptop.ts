/** A laptop of a real edge process's cluster: an agent with an allow list of its own. */
import { readFileSync } from 'node:fs';
import { type Agent, type AgentSnapshot, createAgent } from '../../main/agent/agent.ts';
import { type AllowList, createAllowList, type Place } from '../../main/agent/allow-list.ts';
import { createControlClient } from '../../main/agent/control-client.ts';
import { lastingTrust } from '../../main/agent/edge-address.ts';
import type { ConnectionWatch } from '../../main/agent/inspect/inspector.ts';
import { createPortFinder, type PortFinder } from '../../main/agent/local-ports.ts';
import { directly } from '../../main/agent/proxy-choice.ts';
import { externalUrl } from '../../shared/contract/agent-state.ts';
import type { NewService, ServiceView } from '../../shared/contract/control-api.ts';
import type { EdgeProcess } from './edge-process.ts';

export class Laptop implements AsyncDisposable {
  readonly agentId: string;
  readonly agent: Agent;
  readonly allowed: AllowList;
  readonly ports: PortFinder;

  private constructor(agentId: string, agent: Agent, allowed: AllowList, ports: PortFinder) {
    this.agentId = agentId;
    this.agent = agent;
    this.allowed = allowed;
    this.ports = ports;
  }

  /** Joins the cluster of `edge`, directly unless told otherwise; resolves when its tunnel is up. */
  static async join(
    edge: EdgeProcess,
    name = 'test laptop',
    findWay = directly,
    inspector?: ConnectionWatch,
  ): Promise<Laptop> {
    const trust = { caPem: readFileSync(edge.ready.caFile, 'utf8') };
    const address = { host: '127.0.0.1', port: edge.ready.httpsPort };
    const client = createControlClient({ address, trust, findWay });
    const joined = await client.join(await edge.token(), name);
    client.close();
    if (!joined.ok) throw new Error(joined.error.message);
    const { agentId, credential, cluster } = joined.value;
    const allowed = createAllowList();
    const ports = createPortFinder();
    const agent = createAgent({
      address: { ...address, domain: cluster.domain },
      trust: lastingTrust(trust, cluster),
      agentId,
      credential,
      name,
      version: '0.0.0',
      allowed,
      ports,
      findWay,
      ...(inspector === undefined ? {} : { inspector }),
    });
    const laptop = new Laptop(agentId, agent, allowed, ports);
    await laptop.reached((s) => s.link.state === 'up' && s.servicesKnown);
    return laptop;
  }

  /** Resolves with the first snapshot that `fits`. */
  reached(fits: (snapshot: AgentSnapshot) => boolean): Promise<AgentSnapshot> {
    return new Promise((resolve) => {
      const look = (): void => {
        const snapshot = this.agent.snapshot();
        if (!fits(snapshot)) return;
        stop();
        resolve(snapshot);
      };
      const stop = this.agent.onChange(look);
      look();
    });
  }

  /** Publishes `service` without allowing it anything. */
  async create(service: NewService): Promise<ServiceView> {
    const made = await this.agent.control.createService(service);
    if (!made.ok) throw new Error(made.error.message);
    return made.value;
  }

  /** Publishes `service`, allows it its targets, and resolves when it is live. */
  async publish(service: NewService): Promise<ServiceView> {
    const made = await this.create(service);
    for (const { type, host, port, protocol } of made.targets)
      this.allowed.allow({ service: made.id, type, host, port, udp: protocol === 'udp' });
    await this.reached(hasStatus(made.id, 'active'));
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.close();
    this.ports.close();
  }
}

/** Whether a snapshot has the service with that status. */
export const hasStatus = (id: string, wanted: ServiceView['status']) => (snapshot: AgentSnapshot) =>
  snapshot.services.some((s) => s.id === id && s.status === wanted);

/** A port of the laptop itself. */
export const localPort = (port: number): Place => ({ type: 'agent', host: 'localhost', port });

/** Where visitors find `service`. */
export const publicUrl = (service: ServiceView): URL => new URL(externalUrl(service.urls));
