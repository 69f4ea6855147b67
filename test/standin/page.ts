/**
 * What runs inside a page, in its two worlds. These functions are sent to Chromium as text, so each stands alone:
 * nothing here may use anything from outside its own body, except `bridge`, which is sent along.
 */

/** A value as it crosses between worlds: tagged, so that `undefined`, functions and promises survive JSON. */
export type Wire =
  | { readonly u: 1 }
  | { readonly f: number }
  | { readonly p: number }
  | { readonly e: readonly [string, string] }
  | { readonly a: readonly Wire[] }
  | { readonly o: readonly (readonly [string, Wire])[] }
  | { readonly v: string | number | boolean | null };

type Callable = (...values: unknown[]) => unknown;
export type Message =
  | { readonly t: 'expose'; readonly key: string; readonly v: Wire }
  | { readonly t: 'call'; readonly f: number; readonly a: readonly Wire[] }
  | { readonly t: 'return' | 'throw'; readonly v: Wire }
  | { readonly t: 'resolve' | 'reject'; readonly p: number; readonly v: Wire };

export interface Bridge {
  encode(value: unknown): Wire;
  decode(wire: Wire): unknown;
  post(message: Message): void;
}

/**
 * One end of the way between the page's world and the preload's: DOM events carry text, functions become numbers
 * that the other end calls, and a call returns before its dispatch does, as Electron's contextBridge promises.
 */
export function bridge(incoming: string, outgoing: string, expose: (key: string, value: unknown) => void): Bridge {
  const functions = new Map<number, Callable>();
  const numbers = new WeakMap<Callable, number>();
  const promises = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let last = 0;
  type Returned = Extract<Message, { readonly t: 'return' | 'throw' }>;
  const answer: { now: Returned | undefined } = { now: undefined };

  const post = (message: Message): void => {
    document.dispatchEvent(new CustomEvent(outgoing, { detail: JSON.stringify(message) }));
  };
  const keep = (callable: Callable): number => {
    const number = numbers.get(callable) ?? ++last;
    numbers.set(callable, number);
    functions.set(number, callable);
    return number;
  };
  const promise = (value: PromiseLike<unknown>): Wire => {
    const p = ++last;
    value.then(
      (result) => post({ t: 'resolve', p, v: encode(result) }),
      (error) => post({ t: 'reject', p, v: encode(error) }),
    );
    return { p };
  };
  const encode = (value: unknown): Wire => {
    if (value === undefined) return { u: 1 };
    if (typeof value === 'function') return { f: keep(value as Callable) };
    if (value instanceof Error) return { e: [value.name, value.message] };
    if (Array.isArray(value)) return { a: value.map(encode) };
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return { v: value };
    if (typeof value !== 'object') throw new Error('An object could not be cloned.');
    if ('then' in value && typeof value.then === 'function') return promise(value as PromiseLike<unknown>);
    return { o: Object.entries(value).map(([key, inner]) => [key, encode(inner)]) };
  };
  const call = (f: number, values: readonly unknown[]): unknown => {
    answer.now = undefined;
    post({ t: 'call', f, a: values.map(encode) });
    // The other world has answered while `post` ran; the types cannot know.
    const outcome = answer.now as Returned | undefined;
    answer.now = undefined;
    if (outcome === undefined) throw new Error('stand-in: the other world did not answer');
    const value = decode(outcome.v);
    if (outcome.t === 'throw') throw value;
    return value;
  };
  const decode = (wire: Wire): unknown => {
    if ('u' in wire) return undefined;
    if ('f' in wire) return (...values: unknown[]) => call(wire.f, values);
    if ('e' in wire) return Object.assign(new Error(wire.e[1]), { name: wire.e[0] });
    if ('p' in wire) return new Promise((resolve, reject) => promises.set(wire.p, { resolve, reject }));
    if ('a' in wire) return wire.a.map(decode);
    // As Electron does: what a preload exposes is frozen.
    if ('o' in wire) return Object.freeze(Object.fromEntries(wire.o.map(([key, inner]) => [key, decode(inner)])));
    return wire.v;
  };
  const settle = (p: number, how: 'resolve' | 'reject', value: unknown): void => {
    const waiting = promises.get(p);
    promises.delete(p);
    waiting?.[how](value);
  };
  const run = (f: number, values: readonly Wire[]): void => {
    try {
      post({ t: 'return', v: encode(functions.get(f)?.(...values.map(decode))) });
    } catch (error) {
      post({ t: 'throw', v: encode(error) });
    }
  };
  const take = (message: Message): void => {
    if (message.t === 'expose') expose(message.key, decode(message.v));
    else if (message.t === 'call') run(message.f, message.a);
    else if ('p' in message) settle(message.p, message.t, decode(message.v));
    else answer.now = message;
  };
  document.addEventListener(
    incoming,
    (event) => {
      event.stopImmediatePropagation();
      take(JSON.parse((event as CustomEvent<string>).detail));
    },
    true,
  );
  return { encode, decode, post };
}

/** The page's own world: receives what the preload exposes, and asks main before it opens a window. */
export function pageWorld(nonce: string): void {
  bridge(`${nonce}-page`, `${nonce}-preload`, (key, value) => {
    if (key in globalThis) throw new Error('Cannot bind an API on top of an existing property on the window object');
    Object.defineProperty(globalThis, key, { value, enumerable: true });
  });
  const { standinOpen } = globalThis as unknown as { standinOpen(url: string): void };
  const ask = (url: string | URL = ''): null => {
    standinOpen(new URL(url, location.href).href);
    return null;
  };
  // Main always refuses, so no target is made: one that is closed while a debugger holds it would hang its opener.
  globalThis.open = ask;
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '_blank' || event.defaultPrevented) return;
    event.preventDefault();
    ask(link.href);
  });
}

type Preload = (require: (id: string) => unknown, module: object, exports: object, process: object) => void;
type Listener = (event: object, ...values: unknown[]) => void;
/** What main sends into the preload's world. */
export type Inbound =
  | { readonly t: 'event'; readonly channel: string; readonly values: readonly Wire[] }
  | { readonly t: 'reply'; readonly id: number; readonly value: Wire }
  | { readonly t: 'failed'; readonly id: number; readonly message: string };
/** What the preload's world sends to main. */
export interface Outbound {
  readonly id: number;
  readonly channel: string;
  readonly values: readonly Wire[];
}

/** The preload's isolated world: a sandboxed preload's `require` and the IPC behind it. */
export function preloadWorld(nonce: string, process: object, preload: Preload): void {
  const { encode, decode, post } = bridge(`${nonce}-preload`, `${nonce}-page`, () => undefined);
  const listeners = new Map<string, Listener[]>();
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  const world = globalThis as unknown as { standinOut(text: string): void; standinIn(message: Inbound): void };
  const plain = (wire: Wire): Wire => {
    if ('f' in wire || 'p' in wire) throw new Error('An object could not be cloned.');
    if ('a' in wire) wire.a.forEach(plain);
    if ('o' in wire) for (const [, inner] of wire.o) plain(inner);
    return wire;
  };
  const ipcRenderer = {
    invoke: (channel: string, ...values: unknown[]) =>
      new Promise((resolve, reject) => {
        const message: Outbound = { id: ++last, channel, values: values.map((value) => plain(encode(value))) };
        waiting.set(message.id, { resolve, reject });
        world.standinOut(JSON.stringify(message));
      }),
    on(channel: string, listener: Listener) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
      return ipcRenderer;
    },
    off(channel: string, listener: Listener) {
      const left = (listeners.get(channel) ?? []).filter((other) => other !== listener);
      listeners.set(channel, left);
      return ipcRenderer;
    },
  };
  world.standinIn = (message) => {
    if (message.t === 'event') {
      for (const listener of listeners.get(message.channel) ?? [])
        listener({ sender: ipcRenderer }, ...message.values.map(decode));
      return;
    }
    const settle = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.t === 'reply') settle?.resolve(decode(message.value));
    else settle?.reject(new Error(message.message));
  };
  const contextBridge = {
    exposeInMainWorld: (key: string, api: unknown) => post({ t: 'expose', key, v: encode(api) }),
  };
  const require = (id: string): unknown => {
    if (id === 'electron' || id === 'electron/renderer') return { contextBridge, ipcRenderer };
    throw new Error(`module not found: ${id} (a sandboxed preload may load only electron)`);
  };
  const module = { exports: {} };
  preload(require, module, module.exports, process);
}
