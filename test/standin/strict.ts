/** Names that Node, Playwright and assertions look for on any object, to see what it is. */
const PROBED = new Set([
  'then',
  'toJSON',
  'nodeType',
  'domain',
  'inspect',
  'asymmetricMatch',
  '__esModule',
  '$$typeof',
]);

const proxies = new WeakMap<object, object>();

/**
 * `target`, except that asking for anything it lacks throws: what the stand-in cannot do must never pass in silence.
 * The same target yields the same proxy. Methods are bound to the target, whose private fields a proxy has not.
 */
export function strict<T extends object>(target: T, name: string): T {
  const known = proxies.get(target);
  // Made by this very function, from this very target.
  if (known !== undefined) return known as T;
  const proxy = new Proxy(target, {
    get(object, key) {
      if (typeof key === 'string' && !(key in object) && !key.startsWith('_') && !PROBED.has(key))
        throw new Error(`stand-in: ${name}.${key} is not implemented`);
      const value: unknown = Reflect.get(object, key, object);
      return typeof value === 'function' && key !== 'constructor' ? value.bind(object) : value;
    },
  });
  proxies.set(target, proxy);
  return proxy;
}

type Constructor = abstract new (...args: never[]) => object;

/** A class whose instances and statics are strict. */
export function strictClass<C extends object>(target: C, name: string): C {
  return new Proxy(target, {
    // Only classes get here, which `construct` asks for; a private constructor hides that from the types.
    construct: (made, args, newTarget) =>
      strict(Reflect.construct(made as unknown as Constructor, args, newTarget), name),
    get(made, key) {
      if (typeof key === 'string' && !(key in made) && !key.startsWith('_') && !PROBED.has(key))
        throw new Error(`stand-in: ${name}.${key} is not implemented`);
      return Reflect.get(made, key, made);
    },
  });
}

export interface StandinEvent {
  readonly defaultPrevented: boolean;
  preventDefault(): void;
}

/** An event as Electron hands it to listeners. */
export function createEvent<T extends object>(more?: T): StandinEvent & T {
  const state = { prevented: false };
  const base = {
    get defaultPrevented() {
      return state.prevented;
    },
    preventDefault() {
      state.prevented = true;
    },
  };
  return Object.defineProperties({ ...more } as StandinEvent & T, Object.getOwnPropertyDescriptors(base));
}
