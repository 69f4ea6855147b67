import { connect } from 'node:net';
import { z } from 'zod';
import type { EventFrame } from '../../shared/contract/frames.ts';
import {
  type Channel,
  EVENT_NAMES,
  type EventName,
  type Events,
  type Input,
  type Outputs,
  type Reply,
} from '../../shared/contract/ipc.ts';
import { failure } from '../../shared/domain/failure.ts';
import { createLineCutter } from './lines.ts';
import { socketPath } from './socket-path.ts';

/** The calls and events of an app, wherever it runs. */
export interface AppClient {
  call<C extends Channel>(channel: C, input: Input<C>): Promise<Reply<Outputs[C]>>;
  on<E extends EventName>(event: E, listener: (value: Events[E]) => void): () => void;
  /** Resolves when the app is gone or `close` was called. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** The app is this laptop's own and runs the same code: a state of 1000 services with room to spare. */
const LINE_LIMIT = 64 << 20;
const frameSchema = z.union([
  z.object({ id: z.number(), reply: z.unknown() }),
  z.object({ event: z.enum(EVENT_NAMES), value: z.unknown() }),
]);

/** Connects to the app that runs with `home`; `undefined` when none does. */
export function connectLocal(home: string, subscribe: readonly EventName[]): Promise<AppClient | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(home));
    const waiting = new Map<number, (reply: Reply<never>) => void>();
    const listeners: { [E in EventName]: Set<(value: Events[E]) => void> } = {
      state: new Set(),
      log: new Set(),
      notice: new Set(),
      inspector: new Set(),
    };
    let lastId = 0;
    let over = false;
    const closed = new Promise<void>((done) => {
      socket.on('close', () => {
        over = true;
        for (const settle of waiting.values()) settle({ ok: false, error: failure('app_not_running') });
        waiting.clear();
        done();
        resolve(undefined);
      });
    });
    const take = (line: string): void => {
      const parsed = frameSchema.safeParse(readJson(line));
      if (!parsed.success) return void socket.destroy();
      // The other side is this very program, behind a 0600 socket: inside such a frame lies what its types say.
      const frame = parsed.data as EventFrame | { id: number; reply: Reply<never> };
      if ('id' in frame) {
        waiting.get(frame.id)?.(frame.reply);
        waiting.delete(frame.id);
      } else if (frame.event === 'state') for (const listener of listeners.state) listener(frame.value);
      else if (frame.event === 'log') for (const listener of listeners.log) listener(frame.value);
      else if (frame.event === 'inspector') for (const listener of listeners.inspector) listener(frame.value);
      else for (const listener of listeners.notice) listener(frame.value);
    };
    socket.on(
      'data',
      createLineCutter(LINE_LIMIT, take, () => socket.destroy()),
    );
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      socket.write(`${JSON.stringify({ subscribe })}\n`);
      resolve({
        call: (channel, input) =>
          new Promise((settle) => {
            if (over) return settle({ ok: false, error: failure('app_not_running') });
            const id = ++lastId;
            waiting.set(id, settle);
            socket.write(`${JSON.stringify({ id, channel, input })}\n`);
          }),
        on(event, listener) {
          listeners[event].add(listener);
          return () => void listeners[event].delete(listener);
        },
        closed,
        async close() {
          socket.destroy();
          await closed;
        },
      });
    });
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
