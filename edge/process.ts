import type { Failure } from '../shared/domain/failure.ts';
import { authority } from '../shared/domain/service.ts';
import { systemClock } from '../shared/node/clock.ts';
import { createLogger } from '../shared/node/logger.ts';
import { watchParent } from '../shared/node/parent.ts';
import { type Command, type EdgeConfig, parseCommand } from './config.ts';
import { joinCommand, joinLink, keepJoinPlace, readJoinPlace } from './join-place.ts';
import { createJoinToken } from './join-token.ts';
import type { ListenAddress } from './listen/address.ts';
import { type Edge, startEdge } from './one-process.ts';
import { createStore } from './store/create-store.ts';

/** What the entry file knows about itself. */
export interface Program {
  /** Version of this software, for people. */
  readonly version: string;
  /** The entry file, which the access log's thread starts with too. */
  readonly entry: URL;
}

const FAILED = 1;
const USAGE = 2;
/** Milliseconds that the join token of an embedded edge's ready line is good for. */
const EMBEDDED_TOKEN_LIFETIME = 5 * 60_000;

/** Runs the command line `argv` (without program and script) and resolves with the exit code. */
export async function runCommandLine(argv: readonly string[], program: Program): Promise<number> {
  const command = parseCommand(argv);
  if (!command.ok) return fail(command.error.failure, command.error.json, USAGE);
  switch (command.value.kind) {
    case 'help':
      process.stdout.write(command.value.text);
      return 0;
    case 'token':
      return createTokenCommand(command.value);
    case 'run':
      return serve(command.value, program);
  }
}

const printLine = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** One sentence on standard error, or one JSON line on standard output. */
function fail(error: Failure, json: boolean, code: number): number {
  if (json) printLine({ event: 'failed', error });
  else process.stderr.write(`${error.message}\n`);
  return code;
}

/** Works beside a running edge too: it shares the store, not the claim on the folder. */
async function createTokenCommand(command: Extract<Command, { kind: 'token' }>): Promise<number> {
  const store = createStore({ dataDir: command.dataDir, serve: false });
  if (!store.ok) return fail(store.error, command.json, FAILED);
  const made = await createJoinToken(store.value, command.lifetime, Date.now());
  await store.value.close();
  if (!made.ok) return fail(made.error, command.json, FAILED);
  const expiresAt = new Date(made.value.expiresAt).toISOString();
  const { token } = made.value;
  const place = readJoinPlace(command.dataDir);
  const join = joinCommand(token, place, command.address);
  const link = joinLink(token, place, command.address);
  if (command.json) printLine({ token, expiresAt, join, ...(link === undefined ? {} : { link }) });
  else {
    const intoApp = link === undefined ? '' : `\nOr pasted into the app:\n\n  ${link}\n`;
    process.stdout.write(
      `${token}\nGood for one laptop, until ${expiresAt}. It is not shown again. On the laptop:\n\n  ${join}\n${intoApp}`,
    );
  }
  return 0;
}

async function serve(command: Extract<Command, { kind: 'run' }>, program: Program): Promise<number> {
  const { config, json } = command;
  // Loaded only where it is wanted: an edge under an app is one process, and has to be small.
  const start = config.workers > 1 ? (await import('./workers/node.ts')).startNode : startEdge;
  const started = await start(config, {
    version: program.version,
    clock: systemClock,
    logger: createLogger(),
    entry: program.entry,
  });
  if (!started.ok) return fail(started.error, json, FAILED);
  const edge = started.value;
  const ended = untilEnd(edge, config.embedded);
  const token = config.embedded ? await edge.createJoinToken(EMBEDDED_TOKEN_LIFETIME) : undefined;
  if (token?.ok === false) {
    await edge.close();
    return fail(token.error, json, FAILED);
  }
  const httpsPort = edge.addresses.https[0]?.port;
  if (!config.embedded && httpsPort !== undefined) noteJoinPlace(edge, config, httpsPort);
  if (json) printLine(readyLine(edge, config.domain, token?.value.token));
  else process.stdout.write(readyText(edge, config));
  await ended;
  return 0;
}

/** A convenience for `token create`, and no reason not to serve. */
function noteJoinPlace(edge: Edge, { dataDir, domain }: EdgeConfig, httpsPort: number): void {
  const { fingerprint, caFile } = edge;
  keepJoinPlace(dataDir, { domain, httpsPort, ...(caFile === undefined ? {} : { fingerprint }) });
}

/**
 * SIGTERM or SIGINT drains, a second one ends at once. The end of the command line that started it drains too; under
 * an app, the end of standard input ends it at once.
 */
async function untilEnd(edge: Edge, embedded: boolean): Promise<void> {
  const asked = Promise.withResolvers<'drain' | 'close'>();
  const again = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    if (++signals === 1) asked.resolve('drain');
    else again.resolve();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  if (!embedded) watchParent(process.env, onSignal);
  // A utility process of Electron has no standard input, and its parent's end is its own.
  if (embedded && !('parentPort' in process)) {
    const onGone = (): void => {
      asked.resolve('close');
      again.resolve();
    };
    process.stdin.on('end', onGone).on('close', onGone).on('error', onGone).resume();
  }
  if ((await asked.promise) === 'drain') await Promise.race([edge.drain(), again.promise]);
  await edge.close();
}

function readyLine(edge: Edge, domain: string, joinToken: string | undefined): object {
  const { https, http, health } = edge.addresses;
  return {
    event: 'ready',
    nodeId: edge.nodeId,
    domain,
    httpsPort: https[0]?.port,
    httpPort: http[0]?.port,
    healthPort: health.port,
    fingerprint: edge.fingerprint,
    caFile: edge.caFile,
    joinToken,
  };
}

function readyText(edge: Edge, config: EdgeConfig): string {
  const { https, http, health } = edge.addresses;
  const list = (addresses: readonly ListenAddress[]): string =>
    addresses.map((a) => authority(a.host, a.port)).join(', ');
  return [
    `The edge for ${config.domain} is ready.`,
    `  https        ${list(https)}`,
    ...(http.length > 0 ? [`  http         ${list(http)}`] : []),
    `  workers      ${config.workers}`,
    `  health       http://${authority(health.host, health.port)}/healthz/ready`,
    `  fingerprint  ${edge.fingerprint}`,
    `Let a laptop join: porthole edge token create --data-dir ${config.dataDir}`,
    '',
  ].join('\n');
}
