import { join } from 'node:path';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { createBackoff } from '../../shared/node/backoff.ts';
import { pause } from '../../shared/node/clock.ts';
import { type Agent, createAgent } from '../agent/agent.ts';
import { type AllowList, createAllowList } from '../agent/allow-list.ts';
import { createControlClient } from '../agent/control-client.ts';
import { createEmbeddedEdge, type EmbeddedEdge, type ReadyEdge } from './embedded-edge.ts';
import { type EdgePlace, linkWithoutAgent, type Membership, type MembershipParts } from './membership.ts';
import { openEmbeddedVault } from './vault/open-vault.ts';
import type { Vault } from './vault/vault.ts';

const CREDENTIAL = 'embedded-agent';
/** What a start of the edge without its usual token is worth waiting for, in milliseconds. */
const RESTART_PAUSE = 1_000;

interface Identity {
  readonly agentId: string;
  readonly credential: string;
}

/** Starts the embedded edge and links to it, joining it first when no kept credential fits. */
export function createEmbeddedMembership(parts: MembershipParts): Membership {
  return new EmbeddedMembership(parts);
}

class EmbeddedMembership implements Membership {
  readonly kind = 'embedded';
  readonly vault = 'file';
  readonly allowed: AllowList;
  agent: Agent | undefined;
  readonly #parts: MembershipParts;
  readonly #vault: Vault;
  readonly #since: number;
  readonly #closing = new AbortController();
  readonly #backoff = createBackoff();
  readonly #edge: EmbeddedEdge;
  /** The run of the edge that `agent` was made for. */
  #linked: ReadyEdge | undefined;
  #linking: Promise<void> | undefined;
  #trouble: Failure | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.#vault = openEmbeddedVault(parts.home);
    const { embedded } = parts.settings.get();
    const { httpsPort, httpPort } = embedded;
    this.allowed = createAllowList(embedded.allowed);
    this.#edge = createEmbeddedEdge({
      host: parts.host,
      dataDir: join(parts.home, 'edge'),
      remembered: httpsPort === undefined || httpPort === undefined ? undefined : { httpsPort, httpPort },
      remember: (ports) => this.#keep({ ...ports }),
      onChange: () => queueMicrotask(() => this.#onEdge()),
      clock: parts.clock,
      logger: parts.logger,
    });
  }

  edge(): AgentState['edge'] {
    const { process, ready, notice } = this.#edge;
    return {
      kind: 'embedded',
      domain: ready?.domain ?? 'localhost',
      link: this.#link(),
      ...(this.agent === undefined ? {} : { links: this.agent.snapshot().links }),
      process,
      ...(notice === undefined ? {} : { notice }),
    };
  }

  #link(): AgentState['edge']['link'] {
    const stopped = this.#edge.failure;
    const link = this.agent?.snapshot().link;
    if (link?.state === 'up' || link?.state === 'paused') return link;
    // That the edge isn't there says more than that it can't be reached.
    if (stopped !== undefined) return linkWithoutAgent(link?.since ?? this.#since, stopped, this.#edge.nextTryAt);
    // The agent can't know that what it dials is just being started again, and would have people check the address.
    if (link?.failure?.code === 'edge_unreachable' && this.#edge.process === 'starting')
      return { ...link, failure: failure('edge_restarting') };
    return link ?? linkWithoutAgent(this.#since, this.#trouble);
  }

  keepAllowed(): Result<null, Failure> {
    return this.#keep({ allowed: [...this.allowed.entries()] });
  }

  ownPorts(): readonly number[] {
    const { ready } = this.#edge;
    // The edge listens here for TCP and TLS services too: what it carries must not be offered to it again.
    const listened = this.agent?.snapshot().services.map((s) => (s.mode === 'udp' ? undefined : s.listenPort)) ?? [];
    return [ready?.httpsPort, ready?.httpPort, ready?.healthPort, ...listened].filter((port) => port !== undefined);
  }

  place(): EdgePlace | undefined {
    const { ready } = this.#edge;
    return ready === undefined ? undefined : placeOf(ready);
  }

  obstacle(): Failure | undefined {
    return this.#edge.failure ?? this.#trouble;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#linking;
    await this.agent?.close();
    await this.#edge.close();
  }

  #keep(patch: Partial<ReturnType<MembershipParts['settings']['get']>['embedded']>): Result<null, Failure> {
    const { settings } = this.#parts;
    const kept = settings.set({ embedded: { ...settings.get().embedded, ...patch } });
    if (!kept.ok) this.#parts.logger.warn('The settings could not be written.', { reason: kept.error.message });
    return kept.ok ? ok(null) : kept;
  }

  #onEdge(): void {
    this.#parts.onChange();
    const { ready } = this.#edge;
    if (ready === undefined || ready === this.#linked || this.#closing.signal.aborted) return;
    this.#linking ??= this.#linkTo(ready).finally(() => {
      this.#linking = undefined;
      // The edge may have been started anew meanwhile.
      this.#onEdge();
    });
  }

  async #linkTo(ready: ReadyEdge): Promise<void> {
    const previous = this.#linked;
    this.#linked = ready;
    const same = previous?.httpsPort === ready.httpsPort && previous.fingerprint === ready.fingerprint;
    if (same && this.agent !== undefined) return this.agent.resumed();
    await this.agent?.close();
    this.agent = undefined;
    const identity = await this.#identify(ready);
    if (this.#closing.signal.aborted) return;
    if (identity.ok) {
      this.#trouble = undefined;
      this.#backoff.reset();
      this.#start(ready, identity.value);
      return;
    }
    this.#trouble = identity.error;
    this.#parts.logger.warn('The embedded edge could not be joined.', { reason: identity.error.message });
    this.#parts.onChange();
    await pause(this.#parts.clock, RESTART_PAUSE + this.#backoff.next(), this.#closing.signal);
    // Its join token is used up: a new run of it has a new one.
    if (!this.#closing.signal.aborted) this.#edge.restart();
  }

  #start(ready: ReadyEdge, identity: Identity): void {
    const { host, ports, inspector, clock, logger, name } = this.#parts;
    const agent = createAgent({
      ...identity,
      ...placeOf(ready),
      name,
      version: host.version,
      allowed: this.allowed,
      ports,
      inspector,
      clock,
      logger: logger.child({ room: 'agent' }),
    });
    this.agent = agent;
    agent.onChange(() => {
      if (agent === this.agent && agent.snapshot().link.failure?.code === 'credential_unknown') this.#rejoin(ready);
      this.#parts.onChange();
    });
    void ports.refresh();
    this.#parts.onChange();
  }

  /** The edge doesn't know this agent: its data is another's, or was thrown away. */
  #rejoin(ready: ReadyEdge): void {
    if (this.#linking !== undefined || this.#linked !== ready) return;
    this.#parts.logger.warn('The embedded edge does not know this laptop any more; it joins again.');
    this.#linked = undefined;
    const stale = this.agent;
    this.agent = undefined;
    this.#linking = (async () => {
      await stale?.close();
      await this.#vault.delete(CREDENTIAL);
    })().finally(() => {
      this.#linking = undefined;
      this.#onEdge();
    });
  }

  /** The kept credential, or a new one. */
  async #identify(ready: ReadyEdge): Promise<Result<Identity, Failure>> {
    const { agentId } = this.#parts.settings.get().embedded;
    const kept = await this.#vault.get(CREDENTIAL);
    if (kept.ok && kept.value !== undefined && agentId !== undefined) return ok({ agentId, credential: kept.value });
    // What can't be read can't be had back; this vault guards nothing that a new credential doesn't replace.
    if (!kept.ok) this.#parts.logger.warn('The kept credential is lost.', { reason: kept.error.message });
    const { signal } = this.#closing;
    const token = signal.aborted ? undefined : this.#edge.takeToken();
    if (token === undefined) return err(failure('edge_failed', { reason: because('rejoin') }));
    const client = createControlClient(placeOf(ready));
    const giveUp = (): void => client.close();
    signal.addEventListener('abort', giveUp, { once: true });
    const joined = await client.join(token, this.#parts.name);
    signal.removeEventListener('abort', giveUp);
    client.close();
    if (!joined.ok) return joined;
    const identity = { agentId: joined.value.agentId, credential: joined.value.credential };
    const stored = await this.#vault.set(CREDENTIAL, identity.credential);
    const noted = this.#keep({ agentId: identity.agentId });
    if (!stored.ok || !noted.ok)
      this.#parts.logger.warn('The new credential could not be kept; the next start joins again.');
    return ok(identity);
  }
}

const placeOf = (ready: ReadyEdge) => ({
  address: { host: '127.0.0.1', port: ready.httpsPort, domain: ready.domain },
  trust: ready.caPem === undefined ? { fingerprint: ready.fingerprint } : { caPem: ready.caPem },
});
