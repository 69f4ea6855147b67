/** A real edge, a laptop, and an app that repeats what it was told, behind a login. */
import { once } from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import {
  type AuthPatch,
  type MadeShare,
  madeShareSchema,
  type NewShare,
  type ServiceView,
  serviceViewSchema,
} from '../../shared/contract/control-api.ts';
import {
  call,
  joinEdge,
  linkLaptop,
  newToken,
  PUBLIC,
  type RunningEdge,
  startApp,
  startEdge,
  temporaryFolder,
} from './edge-stand.ts';

/** What came back, as it is: redirects are not followed, cookies not kept. */
export interface Seen {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Going {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
  /** The visitor's own address, of 127.0.0.0/8. */
  readonly from?: string;
}

/** What an app repeats of a request. */
export interface Told {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export class LoginStand implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly #life = new AsyncDisposableStack();
  edge!: RunningEdge;
  #joined!: Awaited<ReturnType<typeof joinEdge>>;
  #app!: Awaited<ReturnType<typeof startApp>>;
  readonly #args: readonly string[];

  constructor(args: readonly string[] = PUBLIC) {
    this.#args = args;
  }

  get dataDir(): string {
    return this.#folder.path;
  }

  get appPort(): number {
    return this.#app.port;
  }

  async start(): Promise<void> {
    this.#life.use(this.#folder);
    this.#app = this.#life.use(
      await startApp((request, response) => {
        void text(request).then((body) => {
          const told: Told = {
            method: request.method ?? '',
            url: request.url ?? '',
            headers: Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, String(v)])),
            body,
          };
          response.setHeader('content-type', 'application/json').end(JSON.stringify(told));
        });
      }),
    );
    this.edge = await startEdge(this.dataDir, this.#args);
    this.#life.defer(() => this.edge[Symbol.asyncDispose]());
    this.#joined = await joinEdge(this.edge, await newToken(this.dataDir));
    await this.link();
  }

  /** Gives the laptop a connection; this one does not come back by itself when it is lost. */
  async link(): Promise<void> {
    await linkLaptop(this.edge, this.#joined);
  }

  /** Ends the edge as `signal` does and starts it on the same data. */
  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    this.edge.child.kill(signal);
    await this.edge.exited;
    this.edge = await startEdge(this.dataDir, this.#args);
    await this.link();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.disposeAsync();
  }

  api(method: string, path: string, input?: object): Promise<{ readonly status: number; readonly value: unknown }> {
    return call(this.edge, method, path, this.#joined.credential, input);
  }

  /** A service at `name`.edge.test; waits until the edge serves it. */
  async publish(name: string, auth?: AuthPatch, port = this.#app.port): Promise<ServiceView> {
    const { status, value } = await this.api('POST', '/services', {
      subdomain: name,
      targets: [{ port }],
      ...(auth === undefined ? {} : { auth }),
    });
    if (status >= 300) throw new Error(JSON.stringify(value));
    return this.#routed(serviceViewSchema.parse(value));
  }

  async change(service: ServiceView, patch: object): Promise<ServiceView> {
    const { status, value } = await this.api('PATCH', `/services/${service.id}`, patch);
    if (status >= 300) throw new Error(JSON.stringify(value));
    return this.#routed(serviceViewSchema.parse(value));
  }

  /** A node is told of a change at once, but it is told. */
  async #routed(service: ServiceView): Promise<ServiceView> {
    for (;;) {
      const { value } = await this.api('GET', '/services');
      const found = serviceViewSchema
        .array()
        .parse(value)
        .find(({ id }) => id === service.id);
      if (found !== undefined && found.status !== 'pending') return found;
    }
  }

  async share(service: ServiceView, share: NewShare = {}): Promise<MadeShare & { readonly path: string }> {
    const { status, value } = await this.api('POST', `/services/${service.id}/shares`, share);
    if (status >= 300) throw new Error(JSON.stringify(value));
    const made = madeShareSchema.parse(value);
    return { ...made, path: new URL(made.url).pathname };
  }

  /** A request of a visitor. */
  async visit({ domain }: ServiceView, how: Going = {}): Promise<Seen> {
    const { httpsPort } = this.edge.ready;
    const request = https.request({
      host: '127.0.0.1',
      port: httpsPort,
      servername: domain,
      ca: this.edge.ca,
      path: how.path ?? '/',
      method: how.method ?? 'GET',
      headers: Object.fromEntries(
        Object.entries({ host: `${domain}:${httpsPort}`, ...how.headers }).filter(([, value]) => value !== undefined),
      ),
      agent: false,
      ...(how.from === undefined ? {} : { localAddress: how.from }),
    });
    // The edge may reset the connection when the answer is through; until then `once` and the body tell of errors.
    request.on('error', () => {}).end(how.body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  }

  /** The service's own origin, as browsers name it. */
  origin({ domain }: ServiceView): string {
    return `https://${domain}:${this.edge.ready.httpsPort}`;
  }

  /** A post of the login form, as a browser sends it from the service's own page. */
  login(service: ServiceView, form: Readonly<Record<string, string>>, how: Going = {}): Promise<Seen> {
    return this.visit(service, {
      path: '/.porthole/login',
      method: 'POST',
      ...how,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: this.origin(service),
        'sec-fetch-site': 'same-origin',
        accept: BROWSER,
        ...how.headers,
      },
      body: new URLSearchParams(form).toString(),
    });
  }

  /** Logs in and yields the `Cookie` to come back with. */
  async session(service: ServiceView, form: Readonly<Record<string, string>>, how?: Going): Promise<string> {
    return cookieOf(await this.login(service, form, how));
  }
}

/** What browsers accept when they open a page. */
export const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

/** The `Cookie` that a response wants to see again; '' when it wants none. */
export const cookieOf = ({ headers }: Seen): string => headers['set-cookie']?.[0]?.split(';')[0] ?? '';

/** What the app was told. */
export const told = ({ body }: Seen): Told => JSON.parse(body) as Told;
