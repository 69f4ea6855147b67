import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { z } from 'zod';
import {
  type CallFrame,
  callFrameSchema,
  type EventFrame,
  helloFrameSchema,
  type ReplyFrame,
} from '../../shared/contract/frames.ts';
import type { EventName, Reply } from '../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { pause, systemClock } from '../../shared/node/clock.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import type { App } from './app.ts';
import { createLineCutter } from './lines.ts';
import { socketPath } from './socket-path.ts';

export interface SocketLimits {
  /** Clients at once; one more is closed. */
  readonly clients: number;
  /** Bytes of one line from a client. */
  readonly line: number;
  /** Calls of one client under way at once; one more closes it. */
  readonly calls: number;
  /** Bytes that may wait for a client that doesn't read; one that has more is cut. */
  readonly backlog: number;
}
export const LOCAL_SOCKET_LIMITS: SocketLimits = { clients: 64, line: 1 << 20, calls: 64, backlog: 8 << 20 };

/** Milliseconds that the exposures of clients may take to end when the app does. */
const GOODBYE = 2_000;
/** Milliseconds that a client has to take what was sent to it before the end. */
const LAST_READ = 500;

export interface LocalSocket {
  readonly path: string;
  /** Ends every conversation, what it exposed, and removes the socket. Idempotent. */
  close(): Promise<void>;
}

/**
 * Lets the command line talk to the running app: the frames of `contract/frames.ts`, one a line. Only the user's own
 * processes get in (0600 in a 0700 folder). The caller holds the home's lock, so whatever lies at the path is a
 * leftover. Fails with `home_unwritable`.
 */
export async function openLocalSocket(
  home: string,
  app: Pick<App, 'dispatch' | 'on' | 'state'>,
  limits: SocketLimits = LOCAL_SOCKET_LIMITS,
): Promise<Result<LocalSocket, Failure>> {
  const path = socketPath(home);
  const clients = new Set<Socket>();
  const goodbyes = new Set<Promise<unknown>>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    converse(socket, app, limits, (goodbye) => {
      goodbyes.add(goodbye);
      void goodbye.finally(() => goodbyes.delete(goodbye));
    });
  });
  server.maxConnections = limits.clients;
  try {
    prepare(home, path);
    // The file is born with the umask's mode; only then can it be narrowed. The folder around it keeps others out.
    server.listen(path);
    await once(server, 'listening');
    if (process.platform !== 'win32') chmodSync(path, 0o600);
  } catch (error) {
    server.close();
    return err(failure('home_unwritable', { path, reason: systemReason(error) }));
  }
  // After `listening`, errors are failed accepts (EMFILE): the client sees its connection refused and can try again.
  server.on('error', () => undefined);
  let closing: Promise<void> | undefined;
  return ok({
    path,
    close() {
      closing ??= (async () => {
        // Node removes the socket file itself.
        const closed = once(server, 'close');
        server.close();
        for (const client of clients) client.end(() => client.destroy());
        const done = new AbortController();
        // A client that doesn't read would never take its end.
        const cut = systemClock.setTimeout(() => {
          for (const client of clients) client.destroy();
        }, LAST_READ);
        await closed;
        cut();
        removeFolder(home, path);
        await Promise.race([Promise.all(goodbyes), pause(systemClock, GOODBYE, done.signal)]);
        done.abort();
      })();
      return closing;
    },
  });
}

function prepare(home: string, path: string): void {
  if (process.platform === 'win32') return;
  const folder = dirname(path);
  if (folder !== home) {
    // In a folder that everybody may write to, somebody else may have been there first.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0)
      throw new Error('the folder for its socket belongs to somebody else');
  }
  rmSync(path, { force: true });
}

/** Takes back the folder that `prepare` made outside of the home; one that isn't empty is not ours alone. */
function removeFolder(home: string, path: string): void {
  if (process.platform === 'win32' || dirname(path) === home) return;
  try {
    rmdirSync(dirname(path));
  } catch {
    // An empty folder among temporary files is no harm.
  }
}

/** The id of the exposure that a publish call made; `undefined` for any other outcome. */
const exposureOf = (channel: string, reply: Reply<unknown>): string | undefined =>
  channel === 'services:publish' && reply.ok ? exposureSchema.safeParse(reply.value).data?.id : undefined;

const exposureSchema = z.object({ id: z.string(), source: z.literal('ephemeral') });

/**
 * One client: a hello that subscribes (optional here), then calls. What is no frame ends the conversation. What it
 * exposed ends with it, even when it was killed: nobody else would before the exposure expires.
 */
function converse(
  socket: Socket,
  app: Pick<App, 'dispatch' | 'on' | 'state'>,
  limits: SocketLimits,
  onGoodbye: (goodbye: Promise<unknown>) => void,
): void {
  const subscriptions: (() => void)[] = [];
  const exposures = new Set<string>();
  let first = true;
  let calls = 0;

  const endExposures = (): void => {
    for (const id of exposures) onGoodbye(app.dispatch('services:remove', { id }));
    exposures.clear();
  };

  const send = (frame: ReplyFrame | EventFrame): void => {
    if (!socket.writable) return;
    if (socket.writableLength > limits.backlog) socket.destroy();
    else socket.write(`${JSON.stringify(frame)}\n`);
  };
  const subscribe = (names: Iterable<EventName>): void => {
    for (const event of new Set(names)) {
      if (event === 'log') subscriptions.push(app.on('log', (value) => send({ event, value })));
      else if (event === 'notice') subscriptions.push(app.on('notice', (value) => send({ event, value })));
      else if (event === 'inspector') subscriptions.push(app.on('inspector', (value) => send({ event, value })));
      else {
        subscriptions.push(app.on('state', (value) => send({ event, value })));
        send({ event, value: app.state() });
      }
    }
  };
  const answer = async ({ id, channel, input }: CallFrame): Promise<void> => {
    calls++;
    const reply = await app.dispatch(channel, input);
    calls--;
    const exposure = exposureOf(channel, reply);
    if (exposure !== undefined) exposures.add(exposure);
    send({ id, reply });
    if (socket.destroyed) endExposures();
  };
  const take = (line: string): boolean => {
    const frame = parse(line);
    const hello = first ? helloFrameSchema.safeParse(frame) : undefined;
    first = false;
    if (hello?.success === true) {
      subscribe(hello.data.subscribe);
      return true;
    }
    const call = callFrameSchema.safeParse(frame);
    if (!call.success || calls >= limits.calls) return false;
    void answer(call.data);
    return true;
  };

  const cut = (): void => void socket.destroy();
  socket.on(
    'data',
    createLineCutter(limits.line, (line) => take(line) || cut(), cut),
  );
  // Whatever went wrong, `close` follows.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    for (const end of subscriptions) end();
    endExposures();
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
