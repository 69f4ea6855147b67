/// <reference types="electron" />
/** `electron.protocol` and `electron.session`: custom schemes, carried over https names that resolve nowhere. */
import { runtime } from './app.ts';
import { strict } from './strict.ts';

type Handler = (request: Request) => Response | Promise<Response>;

const schemes = new Set<string>();
const handlers = new Map<string, Handler>();

/** The address under which Chromium loads a custom scheme's page. */
export function outside(url: string): string {
  const parsed = new URL(url);
  const scheme = parsed.protocol.slice(0, -1);
  if (!schemes.has(scheme)) return url;
  const host = url.slice(parsed.protocol.length + 2).split('/', 1)[0];
  return `https://${host}.${scheme}.standin.invalid${url.slice(parsed.protocol.length + 2 + (host?.length ?? 0))}`;
}

/** The address as the app knows it. */
export function inside(url: string): string {
  const match = /^https:\/\/([^/]*)\.([a-z][a-z0-9+-]*)\.standin\.invalid(.*)$/.exec(url);
  return match === null ? url : `${match[2]}://${match[1]}${match[3]}`;
}

/** The app's handler for a URL of a custom scheme. */
export const handlerOf = (url: string): Handler | undefined => handlers.get(new URL(url).protocol.slice(0, -1));

export const protocol = strict<Pick<Electron.Protocol, 'registerSchemesAsPrivileged' | 'handle'>>(
  {
    registerSchemesAsPrivileged(list) {
      if (runtime.ready) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
      for (const { scheme } of list) schemes.add(scheme);
    },
    handle(scheme, handler) {
      if (handlers.has(scheme)) throw new Error(`Failed to register protocol: ${scheme}`);
      schemes.add(scheme);
      // Electron's own GlobalRequest types are Node's.
      handlers.set(scheme, handler as Handler);
    },
  },
  'protocol',
);

/** What the app decided about permissions. Chromium here refuses all; a test can ask whether the app does too. */
export const permissions = {
  request: undefined as Parameters<Electron.Session['setPermissionRequestHandler']>[0] | undefined,
  check: undefined as Parameters<Electron.Session['setPermissionCheckHandler']>[0] | undefined,
};

/** What the system's settings say of proxies, for a test to set, and the URLs that the app asked for. */
export const proxies = { answer: 'DIRECT', asked: [] as string[] };

const defaultSession = strict<
  Pick<Electron.Session, 'resolveProxy' | 'setPermissionRequestHandler' | 'setPermissionCheckHandler'>
>(
  {
    async resolveProxy(url) {
      proxies.asked.push(url);
      return proxies.answer;
    },
    setPermissionRequestHandler(handler) {
      permissions.request = handler;
    },
    setPermissionCheckHandler(handler) {
      permissions.check = handler;
    },
  },
  'session',
);
/** A session that only carries requests of the main process, which `net.ts` makes without one. */
const fromPartition = (): object => strict({}, 'session of a partition');
export const session = strict({ defaultSession, fromPartition }, 'session');
