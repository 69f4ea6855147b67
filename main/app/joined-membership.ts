import type { AgentState } from '../../shared/contract/agent-state.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import { pause } from '../../shared/node/clock.ts';
import { type Agent, createAgent } from '../agent/agent.ts';
import { type AllowList, createAllowList } from '../agent/allow-list.ts';
import { type EdgePlace, linkWithoutAgent, type Membership, type MembershipParts } from './membership.ts';
import type { Settings } from './settings.ts';
import type { Vault } from './vault/vault.ts';

export type Joined = NonNullable<Settings['joined']>;
/** The name of the credential in the vault. */
export const JOINED_CREDENTIAL = 'agent';
/** Milliseconds between two looks into a vault that doesn't answer, such as a locked keychain. */
const VAULT_RETRY = 15_000;

/** Where a joined cluster is dialled and how its certificate is checked. */
export const placeOf = ({ host, port, domain, caPem, fingerprint }: Omit<Joined, 'agentId' | 'vault' | 'allowed'>) => ({
  address: { host, port, domain },
  trust: {
    ...(caPem === undefined ? {} : { caPem }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
  },
});

/** Links to the cluster that this laptop joined, as soon as the vault gives the credential. */
export function createJoinedMembership(parts: MembershipParts, joined: Joined, vault: Vault): Membership {
  return new JoinedMembership(parts, joined, vault);
}

class JoinedMembership implements Membership {
  readonly kind = 'joined';
  readonly vault: Vault['kind'];
  readonly allowed: AllowList;
  agent: Agent | undefined;
  readonly #parts: MembershipParts;
  readonly #joined: Joined;
  readonly #since: number;
  readonly #closing = new AbortController();
  readonly #opening: Promise<void>;
  #trouble: Failure | undefined;

  constructor(parts: MembershipParts, joined: Joined, vault: Vault) {
    this.#parts = parts;
    this.#joined = joined;
    this.#since = parts.clock.now();
    this.vault = vault.kind;
    this.allowed = createAllowList(joined.allowed);
    this.#opening = this.#open(vault);
  }

  edge(): AgentState['edge'] {
    const now = this.agent?.snapshot();
    const link = now?.link ?? linkWithoutAgent(this.#since, this.#trouble);
    return { kind: 'joined', domain: this.#joined.domain, link, ...(now === undefined ? {} : { links: now.links }) };
  }

  keepAllowed(): Result<null, Failure> {
    const { settings } = this.#parts;
    const { joined } = settings.get();
    if (joined === undefined) return ok(null);
    const kept = settings.set({ joined: { ...joined, allowed: [...this.allowed.entries()] } });
    return kept.ok ? ok(null) : kept;
  }

  ownPorts(): readonly number[] {
    return [];
  }

  place(): EdgePlace {
    return placeOf(this.#joined);
  }

  obstacle(): Failure | undefined {
    return this.#trouble;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening;
    await this.agent?.close();
  }

  async #open(vault: Vault): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const credential = await vault.get(JOINED_CREDENTIAL);
      if (signal.aborted) return;
      if (credential.ok && credential.value !== undefined) return this.#start(credential.value);
      this.#trouble = credential.ok ? failure('credential_unknown') : credential.error;
      this.#parts.onChange();
      await pause(this.#parts.clock, VAULT_RETRY, signal);
    }
  }

  #start(credential: string): void {
    const { host, ports, inspector, findWay, clock, logger, name } = this.#parts;
    this.#trouble = undefined;
    this.agent = createAgent({
      ...placeOf(this.#joined),
      agentId: this.#joined.agentId,
      credential,
      name,
      version: host.version,
      allowed: this.allowed,
      ports,
      inspector,
      findWay,
      clock,
      logger: logger.child({ room: 'agent' }),
    });
    this.agent.onChange(this.#parts.onChange);
    this.#parts.onChange();
  }
}
