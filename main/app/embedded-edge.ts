import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { failureSchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { authority } from '../../shared/domain/service.ts';
import { type Backoff, createBackoff } from '../../shared/node/backoff.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import type { EdgeProcess, Host } from './host.ts';
import { createLineCutter } from './lines.ts';
import { findFreePort, loopbackAddresses } from './loopback-ports.ts';

const port = z.int().min(1).max(65535);
/** The lines that the edge prints with `--json`. */
const edgeLine = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('ready'),
    domain: z.string(),
    httpsPort: port,
    httpPort: port.exactOptional(),
    healthPort: port.exactOptional(),
    fingerprint: z.string(),
    caFile: z.string().exactOptional(),
    joinToken: z.string().exactOptional(),
  }),
  z.object({ event: z.literal('failed'), error: failureSchema }),
]);

/** Bytes of one line from the edge. */
const LINE_LIMIT = 1 << 20;
/** Milliseconds from SIGTERM to SIGKILL. */
const GRACE = 5_000;
/** Milliseconds that a join token of the ready line may be used (it lives five minutes). */
const TOKEN_LIFE = 4 * 60_000;
/** Tries on the remembered ports before others are taken: an edge that was just cut off may still hold them. */
const TRIES_ON_OLD_PORTS = 4;
const RETRY_ON_OLD_PORTS = 500;
/** A child that lived this many milliseconds was well: the delays start over. */
const PROVEN = 10_000;

export interface EdgePorts {
  readonly httpsPort: number;
  readonly httpPort: number;
}

/** A running embedded edge. */
export interface ReadyEdge extends EdgePorts {
  readonly domain: string;
  readonly fingerprint: string;
  readonly caPem: string | undefined;
  readonly healthPort: number | undefined;
}

export interface EmbeddedEdge {
  readonly process: 'starting' | 'running' | 'stopped';
  /** While it runs. */
  readonly ready: ReadyEdge | undefined;
  /** Why it is stopped. */
  readonly failure: Failure | undefined;
  /** When it is started again, milliseconds since the epoch. */
  readonly nextTryAt: number | undefined;
  readonly notice: string | undefined;
  /** The join token of this run of the edge, once; `undefined` when it is used up or too old. */
  takeToken(): string | undefined;
  /** Ends the child and starts another at once. */
  restart(): void;
  /** Ends it for good; resolves when no process is left. Idempotent. */
  close(): Promise<void>;
}

export interface EmbeddedEdgeOptions {
  readonly host: Pick<Host, 'spawnEdge'>;
  readonly dataDir: string;
  /** The ports of earlier runs. */
  readonly remembered: EdgePorts | undefined;
  /** Keeps the ports of the first run. */
  readonly remember: (ports: EdgePorts) => void;
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps one edge child alive, for as long as it isn't closed. Nothing it does throws. */
export function createEmbeddedEdge(options: EmbeddedEdgeOptions): EmbeddedEdge {
  return new Supervisor(options);
}

class Supervisor implements EmbeddedEdge {
  process: EmbeddedEdge['process'] = 'starting';
  ready: ReadyEdge | undefined;
  failure: Failure | undefined;
  nextTryAt: number | undefined;
  notice: string | undefined;
  readonly #options: EmbeddedEdgeOptions;
  readonly #backoff: Backoff = createBackoff();
  #ports: EdgePorts | undefined;
  #triesOnOldPorts = 0;
  #token: { readonly text: string; readonly at: number } | undefined;
  #child: EdgeProcess | undefined;
  #running: Promise<void>;
  #cancelWait: (() => void) | undefined;
  #closed = false;

  constructor(options: EmbeddedEdgeOptions) {
    this.#options = options;
    this.#ports = options.remembered;
    this.#running = this.#keepRunning();
  }

  takeToken(): string | undefined {
    const token = this.#token;
    this.#token = undefined;
    return token !== undefined && this.#options.clock.monotonic() - token.at < TOKEN_LIFE ? token.text : undefined;
  }

  restart(): void {
    this.#backoff.reset();
    if (this.#child !== undefined) this.#end(this.#child);
    else this.#cancelWait?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWait?.();
    if (this.#child !== undefined) this.#end(this.#child);
    await this.#running;
  }

  /** SIGTERM, and SIGKILL when that was not enough. */
  #end(child: EdgeProcess): void {
    child.kill('SIGTERM');
    const cancel = this.#options.clock.setTimeout(() => child.kill('SIGKILL'), GRACE);
    void child.exited.then(cancel);
  }

  async #keepRunning(): Promise<void> {
    while (!this.#closed) {
      this.#show('starting');
      const startedAt = this.#options.clock.monotonic();
      const fault = await this.#runOnce();
      if (this.#closed) break;
      if (this.#options.clock.monotonic() - startedAt >= PROVEN) this.#backoff.reset();
      const delay = this.#afterFault(fault);
      this.#options.logger.warn('The embedded edge stopped.', { reason: fault.message });
      this.nextTryAt = this.#options.clock.now() + delay;
      this.#show('stopped', fault);
      await this.#wait(delay);
      this.nextTryAt = undefined;
    }
    this.#show('stopped');
  }

  /** How long to wait after `fault`, and on which ports to try next. */
  #afterFault(fault: Failure): number {
    if (fault.code !== 'address_in_use' || this.#ports === undefined) return this.#backoff.next();
    if (++this.#triesOnOldPorts < TRIES_ON_OLD_PORTS) return RETRY_ON_OLD_PORTS;
    const old = this.#ports;
    this.#ports = undefined;
    this.notice = `Another program uses port ${old.httpsPort} or ${old.httpPort}, so the addresses have other ports until Porthole is started again.`;
    return 0;
  }

  #wait(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.setTimeout(resolve, delay);
      this.#cancelWait = () => {
        cancel();
        resolve();
      };
    });
  }

  /** One life of the child; resolves with why it ended when it is gone. */
  async #runOnce(): Promise<Failure> {
    const { host, dataDir } = this.#options;
    const addresses = await loopbackAddresses();
    const ports = this.#ports ?? (await choosePorts(addresses));
    if (ports === undefined) return failure('edge_failed', { reason: because('no_free_port') });
    if (this.#closed) return failure('edge_failed', { reason: because('not_wanted') });
    const listen = (flag: string, port: number) => addresses.flatMap((a) => [flag, authority(a, port)]);
    const args = ['--domain', 'localhost', ...listen('--listen', ports.httpsPort)];
    args.push(...listen('--listen-http', ports.httpPort), '--data-dir', dataDir, '--embedded', '--json');
    let child: EdgeProcess;
    try {
      child = host.spawnEdge(args);
    } catch (error) {
      return failure('edge_failed', { reason: systemReason(error) });
    }
    this.#child = child;
    const lastWords = this.#follow(child, ports);
    const { reason } = await child.exited;
    this.#child = undefined;
    this.ready = undefined;
    this.#token = undefined;
    return lastWords() ?? failure('edge_failed', { reason });
  }

  /** Reads the child's output; the returned function tells the failure that it reported, if it did. */
  #follow(child: EdgeProcess, ports: EdgePorts): () => Failure | undefined {
    let reported: Failure | undefined;
    const onLine = (text: string): void => {
      const line = edgeLine.safeParse(readJson(text));
      if (!line.success) this.#options.logger.debug('The embedded edge said something else.', { text });
      else if (line.data.event === 'failed') reported = line.data.error;
      else reported = this.#onReady(line.data, ports);
      if (line.success && reported !== undefined) child.kill('SIGTERM');
    };
    const tooLong = (): void => child.kill('SIGKILL');
    child.stdout.on('data', createLineCutter(LINE_LIMIT, onLine, tooLong));
    const log = (text: string): void => logEdgeLine(this.#options.logger, text);
    child.stderr.on('data', createLineCutter(LINE_LIMIT, log, tooLong));
    return () => reported;
  }

  #onReady(line: Extract<z.output<typeof edgeLine>, { event: 'ready' }>, ports: EdgePorts): Failure | undefined {
    try {
      const caPem = line.caFile === undefined ? undefined : readFileSync(line.caFile, 'utf8');
      const { domain, fingerprint, httpsPort, healthPort, joinToken } = line;
      this.ready = { domain, fingerprint, caPem, httpsPort, httpPort: line.httpPort ?? ports.httpPort, healthPort };
      this.#token = joinToken === undefined ? undefined : { text: joinToken, at: this.#options.clock.monotonic() };
    } catch (error) {
      return failure('edge_failed', { reason: because('authority_unreadable', { reason: systemReason(error) }) });
    }
    this.#ports = ports;
    this.#triesOnOldPorts = 0;
    // After a detour the old ports stay the remembered ones: the old addresses come back with the next start.
    if (this.#options.remembered === undefined) this.#options.remember(ports);
    this.#show('running');
    return undefined;
  }

  #show(state: EmbeddedEdge['process'], fault?: Failure): void {
    this.process = state;
    this.failure = fault;
    this.#options.onChange();
  }
}

async function choosePorts(addresses: readonly string[]): Promise<EdgePorts | undefined> {
  const httpsPort = await findFreePort(addresses, new Set());
  if (httpsPort === undefined) return undefined;
  const httpPort = await findFreePort(addresses, new Set([httpsPort]));
  return httpPort === undefined ? undefined : { httpsPort, httpPort };
}

const logLine = z.looseObject({ level: z.enum(['debug', 'info', 'warn', 'error']), msg: z.string() });

/** Passes a log line of the edge on at its own level; what isn't one (last words of a crash) is a warning. */
function logEdgeLine(logger: Logger, text: string): void {
  const line = logLine.safeParse(readJson(text));
  if (!line.success) {
    logger.warn('The embedded edge says:', { text: text.slice(0, 2_000) });
    return;
  }
  const { level, msg, time: _, ...fields } = line.data;
  logger[level](`Edge: ${msg}`, fields);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
