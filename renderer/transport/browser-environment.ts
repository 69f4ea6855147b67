import type { WebEnvironment } from './web-client.ts';

const STORED = 'porthole-key';

/** For browsers that keep nothing for this page: then a reload needs a new link. */
let remembered: string | undefined;

function stored(change: (storage: Storage) => string | null): string | undefined {
  try {
    return change(window.localStorage) ?? undefined;
  } catch {
    // Storage is switched off for this page (reading the property alone throws then).
    return undefined;
  }
}

/**
 * The session's key: from the link's fragment (`#key=…`), which never leaves the browser, then from this origin's own
 * storage (port included, unlike a cookie). The fragment is cleared so that it stays out of history and screenshots.
 */
function readKey(): string | undefined {
  const given = /^#key=([\w-]+)$/.exec(window.location.hash)?.[1];
  if (given !== undefined) {
    remembered = given;
    stored((storage) => {
      storage.setItem(STORED, given);
      return given;
    });
    window.history.replaceState(null, '', window.location.pathname);
  }
  return remembered ?? stored((storage) => storage.getItem(STORED));
}

function forgetKey(): void {
  remembered = undefined;
  stored((storage) => {
    storage.removeItem(STORED);
    return null;
  });
}

async function probe(): ReturnType<WebEnvironment['probe']> {
  try {
    const { status } = await fetch('/', { method: 'HEAD', cache: 'no-store' });
    return status === 401 || status === 403 ? 'refused' : 'served';
  } catch {
    // fetch rejects when nothing answers.
    return 'unreachable';
  }
}

/** The page that the web shell served: same-origin `/rpc`, the browser's storage, clipboard and windows. */
export const browserEnvironment: WebEnvironment = {
  readKey,
  forgetKey,
  probe,
  dial(events) {
    const socket = new WebSocket(new URL('/rpc', window.location.href.replace(/^http/, 'ws')));
    socket.onopen = () => events.opened();
    socket.onmessage = (event) => events.received(String(event.data));
    socket.onclose = (event) => events.closed(event.code);
    return { send: (text) => socket.send(text) };
  },
  after: (ms, run) => void window.setTimeout(run, ms),
  random: Math.random,
  writeClipboard: (text) => {
    // Absent outside secure contexts, such as the plain 127.0.0.1 link in some browsers.
    const clipboard: Clipboard | undefined = window.navigator.clipboard;
    return clipboard === undefined ? Promise.reject(new Error('no clipboard')) : clipboard.writeText(text);
  },
  openWindow: (url) => void window.open(url, '_blank', 'noopener'),
};
