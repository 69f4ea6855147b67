import type { CLOSE, EventFrame, HelloFrame, ReplyFrame } from '../../shared/contract/frames.ts';
import type { Channel, EventName, Events, Outputs, Reply } from '../../shared/contract/ipc.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { t } from '../strings/strings.ts';
import { retryDelay } from './backoff.ts';
import type { Connection, Transport } from './transport.ts';

/** What a socket tells; nothing before `dial` has returned, and nothing after `closed`. */
export interface SocketEvents {
  opened(): void;
  received(text: string): void;
  /** The close code of RFC 6455 section 7.4; 1006 when there was none. */
  closed(code: number): void;
}

/** What the client needs of the page, so that tests can stand in for it. */
export interface WebEnvironment {
  /** The session's key, from the link that opened the page; undefined when there is none. */
  readKey(): string | undefined;
  /** Forgets a key that main does not know any more. */
  forgetKey(): void;
  /** Whether something answers, and still serves this page's session. */
  probe(): Promise<'served' | 'refused' | 'unreachable'>;
  /** Opens a socket to main. */
  dial(events: SocketEvents): { readonly send: (text: string) => void };
  after(ms: number, run: () => void): void;
  random(): number;
  /** The page's own clipboard; rejects where it may not be used. */
  writeClipboard(text: string): Promise<void>;
  openWindow(url: string): void;
}

// Written out, so that the page does not carry the schemas of the module that names it; the type ties the two.
const KEY_UNKNOWN: (typeof CLOSE)['keyUnknown'] = 4401;

/** Calls under way at once; more are refused rather than piled up. */
const MAX_WAITING = 256;

type Settle = (reply: Reply<never>) => void;

const offline = (): { readonly ok: false; readonly error: Failure } => ({
  ok: false,
  error: { code: 'offline', message: t.failures.offline },
});

/**
 * Talks to the web shell over one WebSocket: `{key, subscribe}` first, then `{id, channel, input}` answered by
 * `{id, reply}`, and events as `{event, value}`. Reconnects for ever with growing, jittered delays, unless
 * main refuses the key. A call is sent at
 * most once: one that was under way when the socket closed fails with `offline`, never repeated behind the user's back.
 */
export function createWebClient(env: WebEnvironment): Transport {
  const waiting = new Map<number, Settle>();
  const events: { readonly [E in EventName]: Set<(value: Events[E]) => void> } = {
    state: new Set(),
    log: new Set(),
    notice: new Set(),
    inspector: new Set(),
  };
  const watchers = new Set<(connection: Connection) => void>();
  let connection: Connection = 'connecting';
  let socket: ReturnType<WebEnvironment['dial']> | undefined;
  let nextId = 1;
  let attempt = 0;

  const become = (next: Connection): void => {
    if (next === connection) return;
    connection = next;
    for (const watch of watchers) watch(next);
  };

  const orphan = (): void => {
    socket = undefined;
    const orphans = [...waiting.values()];
    waiting.clear();
    for (const settle of orphans) settle(offline());
  };

  const refuse = (): void => {
    env.forgetKey();
    become('refused');
    orphan();
  };

  const retry = (): void => env.after(retryDelay(attempt++, env.random), connect);

  const closed = async (code: number, greeted: boolean): Promise<void> => {
    if (code === KEY_UNKNOWN) return refuse();
    become('lost');
    orphan();
    // A refused upgrade and a dead port look alike to a WebSocket; a plain request tells them apart.
    if (!greeted && (await env.probe()) === 'refused') return refuse();
    retry();
  };

  const receive = (frame: ReplyFrame | EventFrame): void => {
    if ('id' in frame) {
      const settle = waiting.get(frame.id);
      waiting.delete(frame.id);
      // Main answers by the same contract that typed the call: the shape is its promise.
      settle?.(frame.reply as Reply<never>);
    } else if (frame.event === 'state') for (const listener of events.state) listener(frame.value);
    else if (frame.event === 'log') for (const listener of events.log) listener(frame.value);
    else if (frame.event === 'notice') for (const listener of events.notice) listener(frame.value);
    else if (frame.event === 'inspector') for (const listener of events.inspector) listener(frame.value);
  };

  function connect(): void {
    const key = env.readKey();
    if (key === undefined) {
      refuse();
      return;
    }
    const hello: HelloFrame = { key, subscribe: ['state', 'log', 'notice', 'inspector'] };
    let greeted = false;
    const mine = env.dial({
      opened: () => mine.send(JSON.stringify(hello)),
      received(text) {
        // The first frame is main's answer to the hello: only now is the key known to be good.
        if (!greeted) {
          greeted = true;
          attempt = 0;
          become('open');
        }
        // Only main sends on this socket: same origin, and it knew our key.
        receive(JSON.parse(text) as ReplyFrame | EventFrame);
      },
      closed: (code) => void closed(code, greeted),
    });
    socket = mine;
  }
  connect();

  const call = <C extends Channel>(channel: C, input: unknown): Promise<Reply<Outputs[C]>> => {
    const current = socket;
    if (connection !== 'open' || current === undefined || waiting.size >= MAX_WAITING)
      return Promise.resolve(offline());
    const id = nextId++;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      current.send(JSON.stringify({ id, channel, input }));
    });
  };

  return {
    call,
    on(event, listener) {
      events[event].add(listener);
      return () => void events[event].delete(listener);
    },
    onConnection(listener) {
      watchers.add(listener);
      listener(connection);
      return () => void watchers.delete(listener);
    },
    copy: (text) =>
      env.writeClipboard(text).then(
        () => true,
        async () => (await call('clipboard:write', { text })).ok,
      ),
    open: (url) => env.openWindow(url),
  };
}
