import type { Server, Socket } from 'node:net';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { ok, type Result } from '../../shared/domain/result.ts';
import { pause, systemClock } from '../../shared/node/clock.ts';
import { createLifetime, type Lifetime } from '../../shared/node/lifetime.ts';
import { createLogger } from '../../shared/node/logger.ts';
import { GO_AWAY } from '../../shared/wire/codes.ts';
import { CrowdsecCopy } from '../access/crowdsec.ts';
import { drainTime } from '../drain-time.ts';
import { openWays, type SharedWays, type Ways } from '../edge.ts';
import type { HealthState } from '../health/health-server.ts';
import { closeServer, type ListenAddress, listenAll } from '../listen/address.ts';
import { nodeMetrics } from '../node-metrics.ts';
import type { Endpoint } from '../proxy-header.ts';
import { createStore } from '../store/create-store.ts';
import type { Store } from '../store/store.ts';
import { Asking } from './asking.ts';
import { Channel } from './channel.ts';
import { attach } from './detach.ts';
import { FactReporter } from './fact-reporter.ts';
import { FetchedCertificates } from './fetched-certificates.ts';
import { Neighbours } from './neighbours.ts';
import { passTarget } from './pass-target.ts';
import { type FromWorker, type PassedSocket, type ToWorker, WORKER_PROTOCOL, type WorkerStart } from './protocol.ts';
import { RecordSender } from './record-sender.ts';

/** Milliseconds for what is said last to leave: agents are told to move even where nobody is being served. */
const LAST_WORDS = 100;
/** Milliseconds that the last records have to reach the control process. */
const LAST_RECORDS = 2_000;

type ControlChannel = Channel<FromWorker, ToWorker>;

/** Runs this process as a worker of an edge until its control process ends it; `version` is this software's. */
export function runWorker(version: string): Promise<number> {
  return new Promise((resolve) => {
    let worker: Worker | undefined;
    const channel: ControlChannel = new Channel(
      process,
      (message) => {
        if (message.type === 'start') worker ??= new Worker(channel, message, resolve);
        else worker?.receive(message);
      },
      (socket, { bytes, source }) => {
        if (worker === undefined) socket.destroy();
        else worker.adopt(attach(socket, bytes), source);
      },
    );
    // Signals are the control process's to act on: terminals and service managers send them to all processes at once.
    const onSignal = (): void => {
      if (!process.connected) resolve(1);
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
    // Whoever is being served may finish. The next control process starts workers of its own.
    process.once('disconnect', () => (worker === undefined ? resolve(1) : worker.receive({ type: 'drain' })));
    channel.send({ type: 'hello', protocol: WORKER_PROTOCOL, version });
  });
}

/** One worker: the ways of visitors and agents through this process; for all else it turns to the control process. */
class Worker {
  readonly #channel: ControlChannel;
  readonly #start: WorkerStart;
  readonly #exit: (code: number) => void;
  readonly #life = createLifetime();
  readonly #health: HealthState = { started: false, ready: false };
  readonly #logger;
  readonly #asking: Asking;
  readonly #facts: FactReporter;
  readonly #records: RecordSender;
  readonly #certificates: FetchedCertificates;
  readonly #neighbours: Neighbours;
  readonly #reputation = new CrowdsecCopy(() => systemClock.monotonic());
  #store: Store | undefined;
  #ways: Ways | undefined;
  #stopAccepting = (): void => {};
  #ending = false;

  /** `exit` is called once, when it is over. */
  constructor(channel: ControlChannel, start: WorkerStart, exit: (code: number) => void) {
    const { index, certificate, ticketSeed } = start;
    this.#channel = channel;
    this.#start = start;
    this.#exit = exit;
    this.#logger = createLogger().child({ worker: index });
    this.#asking = new Asking((id, question) => channel.send({ type: 'ask', id, question }), systemClock);
    this.#facts = new FactReporter((report) => channel.send(report), systemClock);
    this.#facts.learn(start.problems);
    this.#records = new RecordSender((packed) => channel.send({ type: 'records', packed }), systemClock);
    const fetch = (name: string) => this.#asking.certificate(name);
    this.#certificates = new FetchedCertificates(fetch, certificate, ticketSeed);
    this.#neighbours = new Neighbours({ index, clock: systemClock, logger: this.#logger });
    this.#neighbours.learn(start.agents);
    this.#neighbours.follow(start.neighbours);
    this.#open(this.#life).then(
      (opened) => {
        if (opened.ok) channel.send({ type: 'ready' });
        else this.#fail(opened.error);
      },
      (error: unknown) => {
        this.#logger.error('a worker could not start', { error });
        this.#fail(failure('internal'));
      },
    );
  }

  /** A connection that another process of this node has accepted. */
  adopt(socket: Socket, source: Endpoint | undefined): void {
    if (this.#ways === undefined) socket.destroy();
    else this.#ways.adopt(socket, source);
  }

  receive(message: Exclude<ToWorker, WorkerStart | PassedSocket>): void {
    switch (message.type) {
      case 'changed':
        this.#store?.look();
        break;
      case 'agents':
        this.#neighbours.learn(message.agents);
        break;
      case 'neighbours':
        this.#neighbours.follow(message.neighbours);
        break;
      case 'problems':
        this.#facts.learn(message.problems);
        break;
      case 'certificates':
        this.#certificates.renew(message.certificate);
        break;
      case 'decisions':
        this.#reputation.take(message.batch);
        break;
      case 'answer':
        this.#asking.answer(message.id, message.answer);
        break;
      case 'recorded':
        this.#records.taken();
        break;
      case 'count':
        this.#count(message.id);
        break;
      case 'evict':
        this.#ways?.tunnels.evict(message.agentId, GO_AWAY.CREDENTIAL, 'the agent has left');
        break;
      case 'drain':
        void this.#drain();
        break;
      case 'close':
        void this.#close();
        break;
    }
  }

  async #open(life: Lifetime): Promise<Result<void, Failure>> {
    const { config, nodeId, version, path } = this.#start;
    const store = createStore({ dataDir: config.dataDir, serve: false });
    if (!store.ok) return store;
    this.#store = store.value;
    life.defer(() => store.value.close());
    life.defer(() => this.#neighbours.close());
    const waiting = await this.#neighbours.listen(path);
    if (!waiting.ok) return waiting;
    const ways = await openWays(
      {
        config,
        around: { version, clock: systemClock, logger: this.#logger },
        insight: {
          nodeId,
          store: store.value,
          certificates: this.#certificates,
          facts: this.#facts,
          recorder: this.#records,
          reputation: this.#reputation,
          seen: (agentId) => this.#channel.send({ type: 'seen', agentId }),
        },
        health: this.#health,
        httpsPort: () => config.listen[0]?.port ?? 0,
        // The control process has no more room than a connection that is destroyed here.
        toApi: (socket) => void socket.destroy(),
        shared: this.#shared(),
      },
      life,
    );
    if (!ways.ok) return ways;
    const listening = await this.#listen(ways.value, life);
    if (!listening.ok) return listening;
    ways.value.direct.start();
    this.#ways = ways.value;
    this.#health.started = true;
    this.#health.ready = !this.#ending;
    return ok(undefined);
  }

  #shared(): SharedWays {
    const { index, count, config } = this.#start;
    return {
      place: { worker: index, workers: count },
      reach: (own) => this.#neighbours.over(own),
      divert: (hello, socket, source) => {
        const to = passTarget(hello, { index, count, domain: config.domain });
        return to !== undefined && this.#channel.pass(socket, to, source);
      },
      claim: (key) => this.#asking.port(key),
    };
  }

  async #listen(ways: Ways, life: Lifetime): Promise<Result<void, Failure>> {
    const { listen, listenHttp } = this.#start.config;
    const servers: Server[] = [];
    const kinds: readonly [readonly ListenAddress[], Ways['https']][] = [
      [listen, ways.https],
      [listenHttp, ways.http],
    ];
    for (const [addresses, create] of kinds) {
      const bound = await listenAll(addresses, create, false, true);
      if (!bound.ok) return bound;
      servers.push(...bound.value.servers);
      this.#stopAccepting = () => servers.forEach(closeServer);
      life.defer(this.#stopAccepting);
    }
    return ok(undefined);
  }

  #count(id: number): void {
    const ways = this.#ways;
    if (ways === undefined) return;
    // Whoever asks wants to see what was: the records go first.
    this.#records.flush();
    const certificates = { counts: () => ({ loaded: 0, unusable: 0 }), expiries: () => new Map<string, number>() };
    const { totals, levels, responses, denied, refused } = nodeMetrics({
      ...ways,
      recorder: this.#records,
      certificates,
    });
    const counters = {
      totals: totals(),
      levels: levels(),
      responses: responses(),
      denied: denied(),
      refused: refused(),
    };
    this.#channel.send({ type: 'counters', id, counters });
  }

  async #drain(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#health.ready = false;
    this.#stopAccepting();
    const time = drainTime(this.#start.config);
    await Promise.all([this.#ways?.drain(time), this.#neighbours.drain(time)]);
    await pause(systemClock, LAST_WORDS);
    await this.#end();
  }

  async #close(): Promise<void> {
    this.#ending = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    try {
      await this.#life[Symbol.asyncDispose]();
      await this.#records.close(LAST_RECORDS);
    } catch (error) {
      this.#logger.error('a worker ended badly', { error });
    }
    this.#exit(0);
  }

  #fail(reason: Failure): void {
    this.#channel.send({ type: 'failed', failure: reason });
    void this.#close();
  }
}
