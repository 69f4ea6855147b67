import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { AgentState, ClusterView } from '../../shared/contract/agent-state.ts';
import type { ClusterInfo, LogBatch } from '../../shared/contract/control-api.ts';
import type { EventName, Events, Notice, Outputs } from '../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { Target } from '../../shared/domain/service.ts';
import { type Clock, systemClock } from '../../shared/node/clock.ts';
import type { Lifetime } from '../../shared/node/lifetime.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { sayFailure } from '../../shared/words/say.ts';
import type { Agent } from '../agent/agent.ts';
import { createAllowList } from '../agent/allow-list.ts';
import { glanceAt } from '../agent/edge-about.ts';
import { Inspector } from '../agent/inspect/inspector.ts';
import { createPortFinder, type PortFinder } from '../agent/local-ports.ts';
import { createWayFinder, type FindWay } from '../agent/proxy-choice.ts';
import type { App, AppOptions } from './app.ts';
import { type JoinInput, joinCluster } from './cluster.ts';
import { DiagnoseDesk } from './diagnose-desk.ts';
import { createProbes, type DiagnoseFacts } from './diagnose-probes.ts';
import { diagnosticsOf } from './diagnostics.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import { createEmbeddedMembership } from './embedded-membership.ts';
import { clusterHandlers } from './handlers/cluster.ts';
import { connectionHandlers } from './handlers/connection.ts';
import type { Context } from './handlers/context.ts';
import { hostHandlers } from './handlers/host.ts';
import { inspectedServices, inspectorHandlers } from './handlers/inspector.ts';
import { logHandlers } from './handlers/log.ts';
import { preferenceHandlers, preferencesOf } from './handlers/preferences.ts';
import { allowanceOf } from './handlers/publish.ts';
import { bindAllowances } from './handlers/service-update.ts';
import { serviceHandlers } from './handlers/services.ts';
import { shareHandlers } from './handlers/shares.ts';
import type { Host } from './host.ts';
import { JoinDesk } from './join-link-desk.ts';
import { createJoinedMembership, JOINED_CREDENTIAL } from './joined-membership.ts';
import { languageOf } from './language.ts';
import type { Membership, MembershipParts } from './membership.ts';
import { NOTICE_WORDS } from './notice-words.ts';
import { Notifier } from './notifier.ts';
import type { SettingsStore } from './settings.ts';
import { createStateHub, type StateHub } from './state-hub.ts';
import { createTrustKeeper, type TrustKeeper, type TrustOutcome } from './trust/trust-keeper.ts';
import { openVault, reopenVault, type VaultPlace } from './vault/open-vault.ts';

/** Milliseconds that a call waits for an edge that is just starting. */
const AGENT_WAIT = 20_000;
/** Milliseconds without an agent, or with one that hears nothing, after which a call is told what is in the way. */
const PATIENCE = 4_000;

interface Parts extends AppOptions {
  readonly place: VaultPlace;
  readonly host: Host;
  readonly settings: SettingsStore;
  readonly logger: Logger;
  readonly lifetime: Lifetime;
  /** The newest lines of the log, for diagnostics. */
  readonly logTail?: () => string;
}

/** An app in its data folder. */
export class RunningApp implements App {
  readonly home: string;
  readonly dispatch: Dispatch;
  readonly #parts: Parts;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #hub: StateHub;
  readonly #ports: PortFinder;
  readonly #trust: TrustKeeper;
  readonly #noticeListeners = new Set<(notice: Notice) => void>();
  readonly #notifier: Notifier;
  readonly #inspector: Inspector;
  readonly #findWay: FindWay;
  readonly #joins: JoinDesk;
  readonly #diagnoses: DiagnoseDesk;
  #endUpdates: (() => void) | undefined;
  readonly #hidden = new Set<number>();
  readonly #waiting = new Set<() => void>();
  readonly #logListeners = new Set<(batch: LogBatch) => void>();
  #phase: AgentState['phase'] = 'starting';
  #membership: Membership | undefined;
  /** Joining and leaving, one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  #tailed: Agent | undefined;
  #endTail: (() => void) | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.home = parts.place.home;
    this.#clock = parts.clock ?? systemClock;
    this.#name = (parts.name ?? hostname()).trim().slice(0, 255) || 'laptop';
    this.#ports = createPortFinder({ exclude: () => this.#ownPorts() });
    this.#trust = createTrustKeeper({ settings: parts.settings, home: this.home, onChange: () => this.#changed() });
    this.#inspector = new Inspector(this.#clock, () => this.#changed());
    this.#hub = createStateHub(() => this.#compose(), this.#clock);
    this.#notifier = new Notifier({
      clock: this.#clock,
      preferences: () => preferencesOf(parts.settings),
      deliver: (notice, loud) => {
        for (const listener of [...this.#noticeListeners]) listener(notice);
        if (loud) parts.host.notify?.(notice);
      },
    });
    parts.lifetime.defer(() => this.#notifier.close());
    this.#hub.on((state) => this.#notifier.onState(state));
    this.#logListeners.add((batch) => this.#notifier.onLog(batch, this.state()));
    const touch = (): void => this.#hub.touch();
    this.#findWay = createWayFinder(parts.env ?? process.env, parts.host.resolveProxy);
    this.#joins = new JoinDesk({
      glance: (address, trust, signal) => glanceAt(address, trust, signal, this.#findWay),
      join: (input) => this.#oneByOne(() => this.#join(input)),
      joinedTo: () => parts.settings.get().joined?.domain,
      onChange: touch,
      now: () => this.#clock.now(),
      random: randomBytes,
    });
    this.#diagnoses = new DiagnoseDesk(() => createProbes(this.#diagnoseFacts()), this.#clock, touch);
    parts.lifetime.defer(() => this.#joins.close());
    parts.lifetime.defer(() => this.#diagnoses.close());
    const context = this.#context();
    const handlers = {
      ...hostHandlers(context),
      ...serviceHandlers(context),
      ...shareHandlers(context),
      ...logHandlers(context),
      ...inspectorHandlers(context),
      ...clusterHandlers(context),
      ...connectionHandlers(this.#joins, this.#diagnoses),
      ...preferenceHandlers(context),
    };
    this.dispatch = createDispatch(handlers, parts.logger);
    parts.lifetime.defer(() => this.#hub.close());
    parts.lifetime.defer(() => this.#inspector.close());
    parts.lifetime.defer(() => this.#ports.close());
    parts.lifetime.defer(this.#ports.onChange(() => this.#changed()));
  }

  /** Looks for newer versions, while the user wants that. */
  #watchUpdates(): void {
    const { host, settings } = this.#parts;
    const wanted = host.updates !== undefined && preferencesOf(settings).checkForUpdates;
    if (!wanted) {
      this.#endUpdates?.();
      this.#endUpdates = undefined;
      return;
    }
    this.#endUpdates ??= host.updates?.watch();
  }

  /** Enters the cluster that this laptop belongs to. */
  async start(): Promise<void> {
    this.#watchUpdates();
    const endNews = this.#parts.host.updates?.on(() => this.#hub.touch());
    this.#parts.lifetime.defer(() => {
      endNews?.();
      this.#endUpdates?.();
    });
    const { joined } = this.#parts.settings.get();
    if (joined !== undefined) {
      const vault = await reopenVault(this.#parts.place, joined.vault);
      this.#membership = createJoinedMembership(this.#membershipParts(), joined, vault);
    } else if (this.#parts.embedded !== false) {
      this.#membership = createEmbeddedMembership(this.#membershipParts());
    }
    this.#parts.lifetime.defer(async () => {
      await this.#changing;
      await this.#membership?.close();
    });
    this.#changed();
  }

  state(): AgentState {
    return this.#hub.get();
  }

  on<E extends EventName>(event: E, listener: (value: Events[E]) => void): () => void {
    if (event === 'notice') {
      const forward = (notice: Notice): void => (listener as (value: Notice) => void)(notice);
      this.#noticeListeners.add(forward);
      return () => void this.#noticeListeners.delete(forward);
    }
    // The name decides the listener's type.
    if (event === 'inspector') return this.#inspector.on(listener as (value: Events['inspector']) => void);
    if (event === 'state') {
      // The name decides the listener's type.
      const end = this.#hub.on(listener as (value: AgentState) => void);
      const endWatch = this.#ports.watch();
      return () => {
        end();
        endWatch();
      };
    }
    // A function of its own, so that one listener can be registered twice.
    const forward = (batch: LogBatch): void => (listener as (value: LogBatch) => void)(batch);
    this.#logListeners.add(forward);
    this.#tail();
    return () => {
      this.#logListeners.delete(forward);
      this.#tail();
    };
  }

  hidePort(port: number): void {
    this.#hidden.add(port);
    void this.#ports.refresh();
  }

  resumed(): void {
    this.#membership?.agent?.resumed();
  }

  windowHidden(): void {
    const { settings } = this.#parts;
    if (settings.get().toldOfHiding === true) return;
    this.say({ kind: 'window', ...NOTICE_WORDS[languageOf(preferencesOf(settings))].hidden });
    // Where that can't be kept, it is said again: better than never.
    settings.set({ toldOfHiding: true });
  }

  openLink(url: string): readonly string[] {
    const opened = this.#joins.open(url);
    const language = languageOf(preferencesOf(this.#parts.settings));
    const { title } = NOTICE_WORDS[language].link;
    if (!opened.ok) this.say({ kind: 'window', title, body: sayFailure(opened.error, language) });
    return ['connection'];
  }

  say(news: Omit<Notice, 'id'>): void {
    this.#notifier.say(news);
  }

  async close(): Promise<void> {
    this.#phase = 'stopping';
    this.#hub.touch();
    for (const wake of this.#waiting) wake();
    await this.#parts.lifetime[Symbol.asyncDispose]();
  }

  #context(): Context {
    return {
      host: this.#parts.host,
      logger: this.#parts.logger,
      random: randomBytes,
      state: () => this.state(),
      membership: () => this.#member(),
      ownPorts: () => this.#ownPorts(),
      agent: () => this.#agent(),
      join: (input) => this.#oneByOne(() => this.#join(input)),
      leave: () => this.#oneByOne(() => this.#leave()),
      installTrust: () => this.#installTrust(),
      settings: this.#parts.settings,
      inspector: this.#inspector,
      setPaused: (paused) => this.#setPaused(paused),
      diagnostics: () => diagnosticsOf(this.state(), this.#parts.logTail?.() ?? ''),
      touch: () => {
        this.#watchUpdates();
        this.#hub.touch();
      },
    };
  }

  /** Kept over restarts: whoever took a laptop offline doesn't want it back by surprise. */
  #setPaused(paused: boolean): Result<null, Failure> {
    const kept = this.#parts.settings.set({ paused: paused ? true : undefined });
    if (!kept.ok) return kept;
    this.#followPause();
    this.#changed();
    return ok(null);
  }

  #followPause(): void {
    const agent = this.#membership?.agent;
    if (agent === undefined) return;
    const paused = this.#parts.settings.get().paused === true;
    const is = agent.snapshot().link.state === 'paused';
    if (paused && !is) agent.pause();
    if (!paused && is) agent.unpause();
  }

  #member(): Membership {
    // Handlers ask after they were given an agent, and there is none without a membership.
    if (this.#membership === undefined) throw new Error('an agent without a membership');
    return this.#membership;
  }

  #membershipParts(): MembershipParts {
    const { host, settings, logger } = this.#parts;
    const { home } = this;
    const onChange = (): void => this.#changed();
    const inspector = this.#inspector;
    return {
      home,
      host,
      settings,
      logger,
      inspector,
      findWay: this.#findWay,
      ports: this.#ports,
      clock: this.#clock,
      name: this.#name,
      onChange,
    };
  }

  #ownPorts(): ReadonlySet<number> {
    return new Set([...this.#hidden, ...(this.#membership?.ownPorts() ?? [])]);
  }

  #diagnoseFacts(): DiagnoseFacts {
    const membership = this.#membership;
    const agent = membership?.agent;
    const { services = [], guests = [] } = agent?.snapshot() ?? {};
    return {
      place: membership?.place(),
      agent,
      link: membership?.edge().link ?? NO_EDGE.link,
      services: [...services, ...guests.map((guest) => ({ ...guest, enabled: true }))],
      agentIds: new Set([...services.map((s) => s.ownerId), ...guests.flatMap((g) => g.targets.map((t) => t.agentId))]),
      allowed: membership?.allowed ?? createAllowList(),
      findWay: this.#findWay,
      now: () => this.#clock.now(),
    };
  }

  #compose(): Omit<AgentState, 'revision'> {
    const { host } = this.#parts;
    const agent = this.#membership?.agent?.snapshot();
    const found = this.#ports.ports();
    const { setAside } = this.#parts.settings;
    return {
      schema: 1,
      phase: this.#phase,
      host: { kind: host.kind, version: host.version, platform: process.platform, home: this.home },
      edge: {
        ...(this.#membership?.edge() ?? NO_EDGE),
        ...(agent?.cluster?.providers === undefined ? {} : { providers: agent.cluster.providers }),
        ...(agent?.cluster === undefined ? {} : { cluster: clusterView(agent.cluster) }),
      },
      services: agent?.services ?? [],
      servicesKnown: agent?.servicesKnown ?? false,
      ...guestsOf(this.#membership, this.#parts.settings.get().refusedGuests ?? []),
      ports: agent?.ports ?? found ?? [],
      portsKnown: found !== undefined,
      trust: this.#trust.stateFor(agent?.cluster),
      vault: this.#membership?.vault ?? 'file',
      ...(setAside === undefined ? {} : { settingsSetAside: setAside }),
      ...(this.#inspector.services.length === 0 ? {} : { inspecting: this.#inspector.services }),
      preferences: preferencesOf(this.#parts.settings),
      abilities: abilitiesOf(host),
      ...updatesOf(host),
      ...(agent === undefined ? {} : { links: agent.links }),
      ...(this.#joins.preview === undefined ? {} : { join: this.#joins.preview }),
      ...(this.#diagnoses.last === undefined ? {} : { diagnosis: this.#diagnoses.last }),
    };
  }

  #changed(): void {
    const agent = this.#membership?.agent;
    this.#followPause();
    if (this.#membership !== undefined) bindAllowances(this.#membership);
    const seen = this.#inspector.idle ? undefined : agent?.snapshot();
    if (seen?.servicesKnown === true) this.#inspector.follow(inspectedServices(seen.services, seen.guests));
    if (this.#phase === 'starting' && (agent?.snapshot().servicesKnown === true || this.#obstacle() !== undefined))
      this.#phase = 'ready';
    this.#tail();
    this.#hub.touch();
    for (const wake of [...this.#waiting]) wake();
  }

  /** Follows the log of the current agent for as long as somebody listens. */
  #tail(): void {
    const wanted = this.#logListeners.size > 0 ? this.#membership?.agent : undefined;
    if (wanted === this.#tailed) return;
    this.#endTail?.();
    this.#tailed = wanted;
    this.#endTail = wanted?.onLogs((batch) => {
      for (const listener of [...this.#logListeners]) listener(batch);
    });
  }

  #obstacle(): Failure | undefined {
    return this.#membership?.obstacle() ?? this.#membership?.agent?.snapshot().link.failure;
  }

  /**
   * An agent whose edge has answered, or that has been trying for long enough to say why not by itself: one that has
   * only just begun may still turn out to be unknown to the edge, and give way to another.
   */
  async #agent(): Promise<Result<Agent, Failure>> {
    const began = this.#clock.monotonic();
    let seen: Agent | undefined;
    let since = began;
    for (;;) {
      const agent = this.#membership?.agent;
      const now = this.#clock.monotonic();
      if (agent !== seen) since = now;
      seen = agent;
      const waited = now - began;
      const tried = now - since >= PATIENCE || waited >= AGENT_WAIT;
      if (agent !== undefined && (agent.snapshot().servicesKnown || tried)) return ok(agent);
      const obstacle = this.#obstacle();
      if (agent !== undefined && obstacle !== undefined) return ok(agent);
      if (this.#phase === 'stopping') return err(failure('app_not_running'));
      if (obstacle !== undefined && waited >= PATIENCE) return err(obstacle);
      if (waited >= AGENT_WAIT) return err(failure('offline', { reason: because('edge_starts') }));
      await this.#nextChange(PATIENCE / 8);
    }
  }

  #nextChange(longest: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#clock.setTimeout(wake, longest);
      this.#waiting.add(wake);
    });
  }

  #oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  async #join(input: JoinInput): Promise<Result<Outputs['cluster:join'], Failure>> {
    const { settings, place, lifetime } = this.#parts;
    const name = input.name ?? this.#name;
    const { signal } = lifetime;
    const vaultHere = () => openVault(place);
    const result = await joinCluster(input, name, { settings, vault: vaultHere, findWay: this.#findWay, signal });
    if (!result.ok) return result;
    const { joined, vault } = result.value;
    await this.#enter(() => createJoinedMembership(this.#membershipParts(), joined, vault));
    return ok({ domain: joined.domain, agentId: joined.agentId });
  }

  /** An edge that can't be reached must not hold the laptop: the credential is thrown away here in any case. */
  async #leave(): Promise<Result<null, Failure>> {
    const { settings, place, logger } = this.#parts;
    const { joined } = settings.get();
    if (joined === undefined) return err(failure('input_invalid', { reason: because('not_joined') }));
    const agent = await this.#agent();
    const said = agent.ok ? await agent.value.control.leave() : agent;
    if (!said.ok) logger.warn('The edge could not be told that this laptop leaves.', { domain: joined.domain });
    const forgotten = settings.set({ joined: undefined });
    if (!forgotten.ok) return forgotten;
    const vault = await reopenVault(place, joined.vault);
    const deleted = await vault.delete(JOINED_CREDENTIAL);
    if (!deleted.ok) logger.warn('The old credential could not be deleted.', { reason: deleted.error.message });
    await this.#enter(() =>
      this.#parts.embedded === false ? undefined : createEmbeddedMembership(this.#membershipParts()),
    );
    return ok(null);
  }

  async #enter(create: () => Membership | undefined): Promise<void> {
    const old = this.#membership;
    await old?.close();
    this.#inspector.reset();
    // Closing may have taken seconds; an app that is ending starts nothing new.
    if (this.#phase === 'stopping') return;
    this.#membership = create();
    this.#diagnoses.forget();
    this.#changed();
  }

  async #installTrust(): Promise<Result<TrustOutcome, Failure>> {
    const agent = await this.#agent();
    if (!agent.ok) return agent;
    const cluster = agent.value.snapshot().cluster;
    if (cluster === undefined) return err(failure('offline', { reason: because('edge_unreached') }));
    return this.#trust.install(cluster);
  }
}

const abilitiesOf = ({ loginItem, notify, updates }: Host): NonNullable<AgentState['abilities']> => [
  ...(loginItem === undefined ? [] : (['startAtLogin'] as const)),
  ...(notify === undefined ? [] : (['notifications'] as const)),
  ...(updates === undefined ? [] : (['updates'] as const)),
];

function updatesOf({ updates, updatesOff }: Host): Pick<AgentState, 'update' | 'updateLook' | 'updatesOff'> {
  if (updates === undefined) return updatesOff === undefined ? {} : { updatesOff };
  const { update, look } = updates.news();
  return { ...(update === undefined ? {} : { update }), ...(look === undefined ? {} : { updateLook: look }) };
}

const clusterView = ({ version, nodeId, fingerprint, caPem, operator }: ClusterInfo): ClusterView => ({
  version,
  nodeId,
  certificate: { kind: caPem === undefined ? 'public' : 'private', fingerprint },
  ...(operator === undefined ? {} : { operator }),
});

function guestsOf(membership: Membership | undefined, refused: readonly string[]): Pick<AgentState, 'guests'> {
  const guests = membership?.agent?.snapshot().guests ?? [];
  if (membership === undefined || guests.length === 0) return {};
  const isAllowed = (id: string, target: Target): boolean => membership.allowed.isAllowed(allowanceOf(id, target));
  return {
    guests: guests.map((guest) => {
      const allowed = guest.targets.every((t) => isAllowed(guest.id, t));
      return { ...guest, allowed, ...(!allowed && refused.includes(guest.id) ? { refused: true as const } : {}) };
    }),
  };
}

const NO_EDGE: AgentState['edge'] = { kind: 'embedded', domain: 'localhost', link: { state: 'connecting', since: 0 } };
