import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { type Backoff, createBackoff } from '../../shared/node/backoff.ts';
import type { CancelTimer, Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import type { Endpoint } from '../proxy-header.ts';
import { Channel } from './channel.ts';
import { attach } from './detach.ts';
import {
  type FromWorker,
  type PassedSocket,
  type PassTarget,
  type ToWorker,
  WORKER_PROTOCOL,
  type WorkerStart,
} from './protocol.ts';
import { WORKER_ARGUMENT } from './role.ts';

/** Milliseconds from the start of a worker's process until it has to serve. */
const START_TIME = 60_000;
/** Milliseconds between two signs of life that a worker is asked for, and without one until it counts as stuck. */
const PULSE = 5_000;
const STUCK_AFTER = 30_000;
/** Milliseconds that a worker has to end by itself. */
const GRACE = 2_000;
/** A worker that lived this many milliseconds was well: the delays start over. */
const PROVEN = 10_000;

/** What workers say beyond what the pool itself acts on. */
export type WorkerNews = Exclude<FromWorker, { type: 'hello' | 'ready' | 'failed' | 'socket' }>;

export interface PoolOptions {
  readonly count: number;
  /** The edge's entry file. */
  readonly entry: URL;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What worker `index` begins with, as of now. */
  readonly start: (index: number) => WorkerStart;
  /** It has been told that; what is sent to it from now on, it takes in. */
  readonly onStarted?: (index: number) => void;
  readonly onNews: (index: number, news: WorkerNews) => void;
  /** A connection for the control API. */
  readonly onApi: (socket: Socket, source: Endpoint | undefined) => void;
  /** The worker serves visitors from now on, or no more. */
  readonly onServing: (index: number, serving: boolean) => void;
}

/** One worker's process; its number passes on to the process that takes its place. */
interface Member {
  readonly index: number;
  readonly child: ChildProcess;
  readonly channel: Channel<ToWorker, FromWorker>;
  readonly startedAt: number;
  readonly ended: Promise<void>;
  /** It has come up in time, or is gone. */
  readonly stopClock: CancelTimer;
  /** When it was last heard. */
  heardAt: number;
  serving: boolean;
}

/** The workers of a node: starts them, starts those anew that end, passes connections between them, ends them. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #members = new Map<number, Member>();
  readonly #backoffs = new Map<number, Backoff>();
  readonly #restarts = new Set<CancelTimer>();
  readonly #stopPulse: CancelTimer;
  #onStarted: ((index: number, started: Result<void, Failure>) => void) | undefined;
  #ending = false;
  /** When workers were last asked for a sign of life. */
  #feltAt: number;
  /** Workers that ended unasked since the start. */
  crashes = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#feltAt = options.clock.monotonic();
    this.#stopPulse = options.clock.setInterval(() => this.#feelPulses(), PULSE);
  }

  /** Numbers of the workers that serve visitors. */
  get serving(): readonly number[] {
    return [...this.#members.values()].filter(({ serving }) => serving).map(({ index }) => index);
  }

  /** Starts all workers; done when all of them serve. Fails as the first one fails that does; then none is left. */
  async start(): Promise<Result<void, Failure>> {
    const started = await new Promise<Result<void, Failure>>((resolve) => {
      const waiting = new Set(Array.from({ length: this.#options.count }, (_, index) => index));
      this.#onStarted = (index, result) => {
        waiting.delete(index);
        if (!result.ok || waiting.size === 0) resolve(result);
      };
      for (const index of waiting) this.#launch(index);
    });
    this.#onStarted = undefined;
    if (!started.ok) await this.close();
    return started;
  }

  send(index: number, message: ToWorker): void {
    this.#members.get(index)?.channel.send(message);
  }

  /** Passes a connection on to worker `index`; false when that is not possible now. */
  pass(socket: Socket, index: number, source: Endpoint | undefined): boolean {
    return this.#members.get(index)?.channel.pass(socket, index, source) === true;
  }

  /** To every worker, those that don't serve yet too. */
  broadcast(message: ToWorker): void {
    for (const { channel } of this.#members.values()) channel.send(message);
  }

  /** Tells the workers to let what is under way finish; resolves when all have ended, after `limit` ms at the latest. */
  async drain(limit: number): Promise<void> {
    this.#stop();
    this.broadcast({ type: 'drain' });
    await this.#untilEnded(limit);
  }

  /** Ends all workers now. Idempotent. */
  async close(): Promise<void> {
    this.#stop();
    this.broadcast({ type: 'close' });
    await this.#untilEnded(GRACE);
    for (const { child } of this.#members.values()) child.kill('SIGKILL');
    await Promise.all([...this.#members.values()].map(({ ended }) => ended));
  }

  /** Nothing is started from here on. */
  #stop(): void {
    this.#ending = true;
    this.#stopPulse();
    for (const cancel of this.#restarts) cancel();
    this.#restarts.clear();
  }

  async #untilEnded(limit: number): Promise<void> {
    const ended = Promise.all([...this.#members.values()].map((member) => member.ended));
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimeout(resolve, limit);
      void ended.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #launch(index: number): void {
    const { clock, logger } = this.#options;
    const child = this.#fork(index);
    if (child === undefined) {
      this.#relaunch(index, undefined);
      return;
    }
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      // It could not be started, or a message could not be sent: the first has no exit.
      child.on('error', (error) => {
        logger.error('a worker failed', { worker: index, error });
        if (child.pid === undefined) resolve();
      });
    });
    const now = clock.monotonic();
    const channel = new Channel<ToWorker, FromWorker>(
      child,
      (message) => this.#receive(member, message),
      (socket, { to, bytes, source }) => this.#pass(member, attach(socket, bytes), to, source),
    );
    const stopClock = clock.setTimeout(() => {
      logger.error('a worker did not come up', { worker: index });
      child.kill('SIGKILL');
    }, START_TIME);
    const member: Member = { index, child, channel, startedAt: now, heardAt: now, ended, stopClock, serving: false };
    this.#members.set(index, member);
    void ended.then(() => this.#onEnded(member));
  }

  /** `undefined` when the system has no room for another process. */
  #fork(index: number): ChildProcess | undefined {
    const { PORTHOLE_PARENT: _, ...env } = process.env;
    try {
      return fork(fileURLToPath(this.#options.entry), [WORKER_ARGUMENT], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env,
      });
    } catch (error) {
      this.#options.logger.error('a worker failed', { worker: index, error });
      return undefined;
    }
  }

  #receive(member: Member, message: Exclude<FromWorker, PassedSocket>): void {
    const { index } = member;
    member.heardAt = this.#options.clock.monotonic();
    switch (message.type) {
      case 'hello':
        this.#greet(member, message.protocol, message.version);
        break;
      case 'ready':
        member.stopClock();
        member.serving = true;
        this.#options.onServing(index, true);
        this.#onStarted?.(index, ok(undefined));
        break;
      case 'failed':
        if (this.#onStarted === undefined)
          this.#options.logger.error('a worker could not start', { worker: index, reason: message.failure });
        this.#onStarted?.(index, err(message.failure));
        break;
      default:
        this.#options.onNews(index, message);
    }
  }

  #greet(member: Member, protocol: number, version: string): void {
    const { index, channel, child } = member;
    if (protocol === WORKER_PROTOCOL && version === this.#options.version) {
      channel.send(this.#options.start(index));
      this.#options.onStarted?.(index);
      return;
    }
    this.#options.logger.error('the files of this edge were replaced while it ran; start it again', {
      running: this.#options.version,
      found: version,
    });
    child.kill('SIGKILL');
  }

  /** Brings a connection to who is to serve it. Where that one isn't there, its finder serves it after all. */
  #pass(from: Member, socket: Socket, to: PassTarget, source: Endpoint | undefined): void {
    if (to === 'api') {
      this.#options.onApi(socket, source);
      return;
    }
    const taker = this.#members.get(to)?.serving === true ? to : from.index;
    if (!this.pass(socket, taker, source)) socket.destroy();
  }

  #onEnded(member: Member): void {
    const { index } = member;
    member.stopClock();
    if (this.#members.get(index) === member) this.#members.delete(index);
    this.#options.onServing(index, false);
    if (!this.#ending) this.#relaunch(index, member);
  }

  /** Has a process take the place of `member`, or of one that could not even begin, after a while. */
  #relaunch(index: number, member: Member | undefined): void {
    const { clock, logger } = this.#options;
    this.crashes++;
    const backoff = this.#backoffs.get(index) ?? createBackoff();
    this.#backoffs.set(index, backoff);
    if (member !== undefined && clock.monotonic() - member.startedAt >= PROVEN) backoff.reset();
    const delay = Math.round(backoff.next());
    logger.error('a worker ended; another takes its place', {
      worker: index,
      code: member?.child.exitCode,
      signal: member?.child.signalCode,
      delay,
    });
    this.#onStarted?.(index, err(failure('internal')));
    const cancel = clock.setTimeout(() => {
      this.#restarts.delete(cancel);
      this.#launch(index);
    }, delay);
    this.#restarts.add(cancel);
  }

  #feelPulses(): void {
    const now = this.#options.clock.monotonic();
    // A look that comes late tells of a stall on this side: what workers have said meanwhile is still unread.
    const stalled = now - this.#feltAt > 2 * PULSE;
    this.#feltAt = now;
    for (const member of this.#members.values()) {
      if (!member.serving) continue;
      if (stalled) member.heardAt = now;
      if (now - member.heardAt > STUCK_AFTER) {
        this.#options.logger.error('a worker is stuck and is ended', { worker: member.index });
        member.child.kill('SIGKILL');
      } else member.channel.send({ type: 'count', id: 0 });
    }
  }
}
