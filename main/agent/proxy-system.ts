import { parseProxy, type Route } from './proxy.ts';
import { within } from './within.ts';

/** Milliseconds for the operating system to say which proxy leads to a place: it may have to run a script for that. */
export const SYSTEM_ANSWER = 3_000;
/** Questions that the operating system has left unanswered; with so many it is asked no more. */
const MOST_OPEN = 32;
/** Entries of an answer that are tried. */
const MOST_ROUTES = 4;

/** Kinds of proxies that an answer may name and that can't be used. */
const OTHERS = ['HTTPS', 'QUIC', 'SOCKS', 'SOCKS4', 'SOCKS5'];

/** The operating system's answer for a URL, in the words of a PAC script: `PROXY proxy:3128; DIRECT`. */
export type ResolveProxy = (url: string) => Promise<string>;

/** What an answer comes to. */
export interface SystemAnswer {
  readonly routes: readonly Route[];
  /** Kinds of proxies in it that can't be used, such as `SOCKS5`, or `unknown`. */
  readonly unusable: readonly string[];
}

/** Reads what a PAC script may return: entries apart by semicolons, to be tried in turn. */
export function parseSystemAnswer(text: string): SystemAnswer {
  const routes: Route[] = [];
  const unusable = new Set<string>();
  for (const entry of text.split(';')) {
    const [kind = '', place = ''] = entry.trim().split(/\s+/);
    const known = kind.toUpperCase();
    if (known === '') continue;
    if (known === 'DIRECT') {
      routes.push('direct');
      continue;
    }
    const proxy = known === 'PROXY' || known === 'HTTP' ? parseProxy(`http://${place}`) : undefined;
    if (proxy?.ok === true) routes.push(proxy.value);
    else unusable.add(OTHERS.includes(known) ? known : 'unknown');
  }
  return { routes: routes.slice(0, MOST_ROUTES), unusable: [...unusable] };
}

/** Asks the operating system for the way to `url`; `undefined` when it doesn't say in time. Never rejects. */
export type AskSystem = (url: string, signal: AbortSignal) => Promise<SystemAnswer | undefined>;

/** Asks by `resolve`, which may take for ever or reject: one question a place at a time, and a bounded number. */
export function createSystemAsker(resolve: ResolveProxy): AskSystem {
  const open = new Map<string, Promise<string | undefined>>();
  const ask = (url: string): Promise<string | undefined> => {
    const asked = Promise.resolve(url)
      .then(resolve)
      .catch(() => undefined)
      .finally(() => open.delete(url));
    open.set(url, asked);
    return asked;
  };
  return async (url, signal) => {
    const asked = open.get(url) ?? (open.size < MOST_OPEN ? ask(url) : undefined);
    const text = asked === undefined ? undefined : await within(asked, SYSTEM_ANSWER, signal);
    const answer = text === undefined ? undefined : parseSystemAnswer(text);
    return answer === undefined || answer.routes.length + answer.unusable.length === 0 ? undefined : answer;
  };
}
