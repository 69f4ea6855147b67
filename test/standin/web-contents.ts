/// <reference types="electron" />
/** `electron.WebContents` over a Chromium target: the preload's world, IPC, navigation, custom schemes. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { chromium, runtime } from './app.ts';
import type { CdpSession } from './cdp.ts';
import { ipcHandlers } from './ipc-main.ts';
import { decodeValue, encodeValue } from './ipc-value.ts';
import { bridge, type Inbound, type Outbound, pageWorld, preloadWorld } from './page.ts';
import { handlerOf, inside, outside } from './protocol.ts';
import { createEvent } from './strict.ts';

const WORLD = 'standin-preload';
type OpenHandler = Parameters<Electron.WebContents['setWindowOpenHandler']>[0];
type Preferences = Pick<Electron.WebPreferences, 'preload' | 'contextIsolation' | 'sandbox' | 'nodeIntegration'>;

interface PausedRequest {
  readonly requestId: string;
  readonly frameId: string;
  readonly resourceType: string;
  readonly request: {
    readonly url: string;
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly postData?: string;
  };
}

let lastId = 0;

/** The preload's text with the page's part of the stand-in around it: the page's policy forbids `new Function`. */
function preloadSource(nonce: string, file: string): string {
  const { platform, arch, versions } = process;
  const info = JSON.stringify({ platform, arch, versions, type: 'renderer', sandboxed: true, contextIsolated: true });
  const text = readFileSync(file, 'utf8');
  const preload = `function (require, module, exports, process) {${text}\n}`;
  return `{ ${bridge}; (${preloadWorld})(${JSON.stringify(nonce)}, ${info}, ${preload}); }`;
}

export class WebContents extends EventEmitter {
  readonly id = ++lastId;
  /** What `event.senderFrame` is for messages of this page. */
  readonly mainFrame: { url: string; readonly parent: null } = { url: '', parent: null };
  readonly #preferences: Preferences;
  readonly #worlds = new Set<number>();
  #session: CdpSession | undefined;
  #target = '';
  /** Where the app itself is going, as opposed to the page. */
  #loading: string | undefined;
  #openHandler: OpenHandler | undefined;
  #gone = false;
  #self: WebContents = this;

  constructor(preferences: Preferences) {
    super();
    const { preload, contextIsolation, sandbox, nodeIntegration } = preferences;
    if (preload !== undefined && (contextIsolation === false || sandbox === false || nodeIntegration === true))
      throw new Error('stand-in: a preload runs with contextIsolation and sandbox, without nodeIntegration');
    this.#preferences = preferences;
  }

  get __target(): string {
    return this.#target;
  }

  /** Makes the Chromium target. `self` is how the app sees this object. */
  async __attach(self: WebContents, width: number, height: number): Promise<void> {
    this.#self = self;
    const { browser } = chromium().cdp;
    const where = { url: 'about:blank', newWindow: true, width, height };
    const { targetId } = await browser.send<{ targetId: string }>('Target.createTarget', where);
    this.#target = targetId;
    const attached = { targetId, flatten: true };
    const { sessionId } = await browser.send<{ sessionId: string }>('Target.attachToTarget', attached);
    const session = chromium().cdp.session(sessionId);
    this.#session = session;
    this.#listen(session);
    await session.send('Page.enable');
    await session.send('Runtime.enable');
    await session.send('Fetch.enable', { patterns: [{ urlPattern: '*' }] });
    await session.send('Runtime.addBinding', { name: 'standinOut', executionContextName: WORLD });
    await session.send('Runtime.addBinding', { name: 'standinOpen' });
    const nonce = randomBytes(12).toString('hex');
    const source = `{ ${bridge}; (${pageWorld})(${JSON.stringify(nonce)}); }`;
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source });
    const { preload } = this.#preferences;
    if (preload === undefined) return;
    const script = { source: preloadSource(nonce, preload), worldName: WORLD };
    await session.send('Page.addScriptToEvaluateOnNewDocument', script);
  }

  #listen(session: CdpSession): void {
    session.on('Runtime.executionContextCreated', ({ context }) => {
      if (context.name === WORLD && context.auxData.frameId === this.#target) this.#worlds.add(context.id);
    });
    session.on('Runtime.executionContextDestroyed', ({ executionContextId }) =>
      this.#worlds.delete(executionContextId),
    );
    session.on('Runtime.executionContextsCleared', () => this.#worlds.clear());
    session.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name === 'standinOpen') this.#openWindow(inside(payload));
      else void this.#invoke(JSON.parse(payload), executionContextId);
    });
    session.on('Fetch.requestPaused', (paused: PausedRequest) => void this.#fetch(session, paused));
    session.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId === undefined) this.mainFrame.url = inside(frame.url + (frame.urlFragment ?? ''));
    });
    session.on('Page.navigatedWithinDocument', ({ frameId, url }) => {
      if (frameId === this.#target) this.mainFrame.url = inside(url);
    });
    session.on('Page.loadEventFired', () => {
      if (this.mainFrame.url !== 'about:blank' && this.mainFrame.url !== '')
        this.emit('did-finish-load', createEvent());
    });
    session.on('Inspector.targetCrashed', () =>
      this.emit('render-process-gone', createEvent(), { reason: 'crashed', exitCode: 5 }),
    );
  }

  /** A message from the preload: Electron's `ipcMain.handle`, reply and all. */
  async #invoke({ id, channel, values }: Outbound, world: number): Promise<void> {
    const answer = async (): Promise<Inbound> => {
      const handler = ipcHandlers.get(channel);
      if (handler === undefined) throw new Error(`No handler registered for '${channel}'`);
      const event = createEvent({ sender: this.#self, senderFrame: this.mainFrame, type: 'frame' });
      const value = await handler(event, ...values.map(decodeValue));
      return { t: 'reply', id, value: encodeValue(value, channel) };
    };
    const message = await answer().catch(
      (error): Inbound => ({ t: 'failed', id, message: `Error invoking remote method '${channel}': ${error}` }),
    );
    await this.#tell(world, message);
  }

  async #tell(contextId: number, message: Inbound): Promise<void> {
    const expression = `standinIn(${JSON.stringify(message)})`;
    await this.#session?.tell('Runtime.evaluate', { contextId, expression });
  }

  /** Every request of the page: custom schemes are served by the app, the rest of the world is unplugged. */
  async #fetch(session: CdpSession, { requestId, frameId, resourceType, request }: PausedRequest): Promise<void> {
    const url = inside(request.url);
    const fail = (errorReason: string) => session.tell('Fetch.failRequest', { requestId, errorReason });
    if (resourceType === 'Document' && frameId === this.#target && url !== this.#loading?.split('#')[0]) {
      const event = createEvent({ url, isMainFrame: true });
      this.emit('will-navigate', event, url);
      if (event.defaultPrevented) return fail('Aborted');
    }
    const handler = url === request.url ? undefined : handlerOf(url);
    if (handler === undefined) return fail('InternetDisconnected');
    try {
      const { method, headers, postData } = request;
      const asked = new Request(url, { method, headers, ...(postData === undefined ? {} : { body: postData }) });
      const response = await handler(asked);
      const body = Buffer.from(await response.arrayBuffer()).toString('base64');
      const responseHeaders = [...response.headers].map(([name, value]) => ({ name, value }));
      const fulfilled = { requestId, responseCode: response.status, responseHeaders, body };
      return await session.tell('Fetch.fulfillRequest', fulfilled);
    } catch {
      return fail('Failed');
    }
  }

  /** For the window: loads a page. */
  async __load(url: string): Promise<void> {
    this.#loading = url;
    const { errorText } =
      (await this.#session?.send<{ errorText?: string }>('Page.navigate', { url: outside(url) })) ?? {};
    this.#loading = undefined;
    if (errorText !== undefined) throw new Error(`${errorText} loading '${url}'`);
  }

  /** The page wants a window: the app's handler decides; only refusing is implemented. */
  #openWindow(url: string): void {
    const details = { url, frameName: '', features: '', disposition: 'foreground-tab' } as const;
    const verdict = this.#openHandler?.({ ...details, referrer: { url: '', policy: 'default' } });
    if (verdict?.action !== 'deny') throw new Error('stand-in: only { action: "deny" } is implemented');
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.#openHandler = handler;
  }

  getURL(): string {
    return this.mainFrame.url;
  }

  send(channel: string, ...values: readonly unknown[]): void {
    if (this.#gone) throw new Error('Object has been destroyed');
    const message: Inbound = { t: 'event', channel, values: values.map((value) => encodeValue(value, channel)) };
    for (const world of this.#worlds) void this.#tell(world, message);
  }

  reload(): void {
    this.#loading = this.getURL();
    void this.#session?.tell('Page.reload').then(() => {
      this.#loading = undefined;
    });
  }

  isDestroyed(): boolean {
    return this.#gone;
  }

  close(): void {
    if (!this.#gone && this.#target !== '' && !runtime.quitting)
      void chromium().cdp.browser.tell('Target.closeTarget', { targetId: this.#target });
  }

  /** The target is gone. */
  __lost(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.emit('destroyed');
  }
}
