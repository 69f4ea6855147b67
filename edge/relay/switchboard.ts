import type { DirectRoute } from '../visit.ts';

/** What became of one TCP, TLS or UDP service. */
export interface RouteChange {
  readonly before: DirectRoute | undefined;
  readonly after: DirectRoute | undefined;
}

/** What has to be done after changes. */
export interface Consequences {
  /** Ports to open and to close. */
  readonly open: readonly Port[];
  readonly close: readonly Port[];
  /** Services whose connections and sessions end: they lead elsewhere now, or nowhere. */
  readonly ended: readonly string[];
}

export interface Port {
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
}

/** What services make of one port: by SNI, else the fallback. */
interface Line {
  tcp: DirectRoute | undefined;
  udp: DirectRoute | undefined;
  /** TLS services; which one it is, the route table tells by name. */
  readonly tls: Set<string>;
}

/** Which service is behind which port. Changes yield what is to be done; nothing is done here. */
export class Switchboard {
  readonly #lines = new Map<number, Line>();

  /** The TCP service that takes a connection to `port` that no TLS service takes. */
  tcp(port: number): DirectRoute | undefined {
    return this.#lines.get(port)?.tcp;
  }

  udp(port: number): DirectRoute | undefined {
    return this.#lines.get(port)?.udp;
  }

  /** Whether TLS services listen on `port`. */
  hasTls(port: number): boolean {
    return (this.#lines.get(port)?.tls.size ?? 0) > 0;
  }

  /** Takes all of `changes` in before it says what they need: a port that passes on to another service stays open. */
  apply(changes: readonly RouteChange[]): Consequences {
    const touched = new Set(changes.flatMap(({ before, after }) => [before?.listenPort, after?.listenPort]));
    touched.delete(undefined);
    const was = new Set([...touched].flatMap((port) => this.#open(port)));
    for (const { before } of changes) if (before !== undefined) this.#remove(before);
    for (const { after } of changes) if (after !== undefined) this.#add(after);
    const is = new Set([...touched].flatMap((port) => this.#open(port)));
    return {
      open: [...is].filter((key) => !was.has(key)).map(portOf),
      close: [...was].filter((key) => !is.has(key)).map(portOf),
      ended: changes.flatMap(({ before, after }) =>
        before !== undefined && !(after !== undefined && sameWay(before, after)) ? [before.serviceId] : [],
      ),
    };
  }

  #open(port: number | undefined): string[] {
    const line = port === undefined ? undefined : this.#lines.get(port);
    if (line === undefined) return [];
    const tcp = line.tcp !== undefined || line.tls.size > 0 ? [`tcp ${port}`] : [];
    return line.udp === undefined ? tcp : [...tcp, `udp ${port}`];
  }

  #remove({ mode, listenPort, serviceId }: DirectRoute): void {
    const line = listenPort === undefined ? undefined : this.#lines.get(listenPort);
    if (line === undefined || listenPort === undefined) return;
    if (mode === 'tls') line.tls.delete(serviceId);
    else if (line[mode]?.serviceId === serviceId) line[mode] = undefined;
    if (line.tcp === undefined && line.udp === undefined && line.tls.size === 0) this.#lines.delete(listenPort);
  }

  #add(route: DirectRoute): void {
    if (route.listenPort === undefined) return;
    const line = this.#lines.get(route.listenPort) ?? { tcp: undefined, udp: undefined, tls: new Set<string>() };
    this.#lines.set(route.listenPort, line);
    if (route.mode === 'tls') line.tls.add(route.serviceId);
    else line[route.mode] = route;
  }
}

function portOf(key: string): Port {
  const [transport, port] = key.split(' ');
  return { transport: transport === 'udp' ? 'udp' : 'tcp', port: Number(port) };
}

/** Whether connections that came by `a` would come out at the same place by `b`. */
const sameWay = (a: DirectRoute, b: DirectRoute): boolean =>
  a.domain === b.domain &&
  a.listenPort === b.listenPort &&
  a.target.agentId === b.target.agentId &&
  a.target.id === b.target.id &&
  a.proxyProtocol === b.proxyProtocol &&
  Buffer.compare(a.target.open, b.target.open) === 0;
