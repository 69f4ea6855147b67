import { homedir } from 'node:os';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { EventName, Outputs, Reply } from '../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { pause, systemClock } from '../../shared/node/clock.ts';
import { createLogger } from '../../shared/node/logger.ts';
import type { App, AppOptions } from '../app/app.ts';
import { openConfSettings } from '../app/conf-settings.ts';
import { createApp } from '../app/create-app.ts';
import { spawnEdge } from '../app/edge-process.ts';
import { resolveHome } from '../app/home.ts';
import type { Host } from '../app/host.ts';
import { type AppClient, connectLocal } from '../app/local-client.ts';
import { copyText } from './clipboard.ts';
import type { CommandContext } from './context.ts';

/** How long a home that is in use may take to answer on its socket: its app is just starting or ending. */
const SOCKET_WAIT = 5_000;
const SOCKET_RETRY = 100;

/** An app to talk to, and whether it lives in this process. */
export interface Session extends AppClient {
  readonly own: App | undefined;
}

export const homeOf = ({ env }: CommandContext): string =>
  resolveHome({ platform: process.platform, env, homedir: homedir() });

/** The app that is running; `undefined` when none is. */
export async function findRunning(
  context: CommandContext,
  subscribe: readonly EventName[] = [],
): Promise<Session | undefined> {
  const client = await connectLocal(homeOf(context), subscribe);
  return client === undefined ? undefined : { ...client, own: undefined };
}

/** The app that is running, or else one of this process's own, which ends with the session. */
export async function openSession(
  context: CommandContext,
  subscribe: readonly EventName[] = [],
  options: AppOptions = {},
): Promise<Result<Session, Failure>> {
  const deadline = systemClock.monotonic() + SOCKET_WAIT;
  for (;;) {
    const running = await findRunning(context, subscribe);
    if (running !== undefined) return ok(running);
    // Who holds the home may be about to listen, so both are tried in turn instead of waiting for its end.
    const own = await startOwn(context, { ...options, patience: 0 });
    const wait = !own.ok && own.error.code === 'home_in_use' && systemClock.monotonic() < deadline;
    if (!wait || !(await pause(systemClock, SOCKET_RETRY, context.signal))) return own;
  }
}

/** Starts an app in this process. */
export async function startOwn(context: CommandContext, options: AppOptions = {}): Promise<Result<Session, Failure>> {
  const { edge, env } = context;
  if (edge === undefined) return err(failure('edge_failed', { reason: 'this Porthole was packaged without an edge' }));
  // Without a wish for lines on standard error they go to the file in the data folder.
  const logger = env.PORTHOLE_LOG === undefined ? {} : { logger: createLogger() };
  const app = await createApp(createHost(context, edge), { home: homeOf(context), env, ...logger, ...options });
  return app.ok ? ok(asSession(app.value)) : app;
}

function createHost({ version, env }: CommandContext, edge: string): Host {
  return {
    kind: 'headless',
    version,
    openExternal: async () => false,
    writeClipboard: (text) => copyText(text, env),
    spawnEdge: (args) => spawnEdge(edge, args, env),
    openSettings: openConfSettings,
    // The command's own end is what ends a headless app.
    quit: () => process.kill(process.pid, 'SIGTERM'),
  };
}

function asSession(app: App): Session {
  const closed = Promise.withResolvers<void>();
  return {
    own: app,
    // Dispatch answers a channel with what the contract says that it yields.
    call: async (channel, input) => (await app.dispatch(channel, input)) as Reply<Outputs[typeof channel]>,
    on: (event, listener) => app.on(event, listener),
    closed: closed.promise,
    async close() {
      await app.close();
      closed.resolve();
    },
  };
}

/** Runs `work` with a session that subscribes to `events`, and ends the session whatever happens. */
export async function withSession<T>(
  context: CommandContext,
  events: readonly EventName[],
  work: (session: Session) => Promise<Result<T, Failure>>,
  options: AppOptions = {},
): Promise<Result<T, Failure>> {
  const session = await openSession(context, events, options);
  if (!session.ok) return session;
  const end = endOnAbort(session.value, context.signal);
  try {
    return await work(session.value);
  } finally {
    end();
    await session.value.close();
  }
}

/** Ends the session with the signal, so that no call waits on; the return value calls that off. */
export function endOnAbort(session: Session, signal: AbortSignal): () => void {
  const close = (): void => void session.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  return () => signal.removeEventListener('abort', close);
}

/** The first state for which `fits`; the current one counts. Needs a subscription to `state`. */
export function stateWhen(
  session: Session,
  fits: (state: AgentState) => boolean,
  wait: number,
  signal: AbortSignal,
): Promise<AgentState | undefined> {
  return new Promise((resolve) => {
    const end = (state: AgentState | undefined): void => {
      stop();
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(state);
    };
    const onAbort = (): void => end(undefined);
    const timer = setTimeout(onAbort, wait);
    signal.addEventListener('abort', onAbort, { once: true });
    const stop = session.on('state', (state) => {
      if (fits(state)) end(state);
    });
    if (signal.aborted) return end(undefined);
    void session.closed.then(onAbort);
    void session.call('state:get', undefined).then((reply) => {
      if (reply.ok && fits(reply.value)) end(reply.value);
    });
  });
}

/** How long a command waits for an edge that is just starting, in milliseconds. */
const KNOWN_WAIT = 20_000;

/** The state once the services are known; else why they aren't. */
export async function knownState(session: Session, signal: AbortSignal): Promise<Result<AgentState, Failure>> {
  const state = await stateWhen(session, (s) => s.servicesKnown || needsAPerson(s), KNOWN_WAIT, signal);
  if (state?.servicesKnown === true) return ok(state);
  const now = state === undefined ? await session.call('state:get', undefined) : ok(state);
  if (!now.ok) return now;
  return err(now.value.edge.link.failure ?? failure('offline', { reason: 'the edge did not answer in time' }));
}

/** A joined edge that is away may stay away; the embedded one is being started again at this very moment. */
const needsAPerson = ({ edge }: AgentState): boolean => edge.kind === 'joined' && edge.link.failure !== undefined;
