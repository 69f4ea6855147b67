/**
 * Porthole and its peers side by side, each in front of the same origin, and Porthole in front of each of the peers.
 * The edge is a real process; so are the peers, which must be installed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  askPlain,
  EMBEDDED,
  joinEdge,
  linkLaptop,
  publish,
  type RunningEdge,
  startEdge,
} from '../integration/edge-stand.ts';
import { type Peer, startApache, startHaproxy, startNginx } from './peers.ts';

/** Where bytes may be sent to. */
export interface Front {
  readonly name: string;
  readonly port: number;
  /** As long as `HOST`. */
  readonly host: string;
  /** It is us: the name of what is behind. */
  readonly before?: string;
}

export interface Stand extends AsyncDisposable {
  readonly edge: RunningEdge;
  /** Us, first in front of the origin itself, then of each peer. */
  readonly ours: readonly Front[];
  /** The origin without anything in front, then each peer. */
  readonly theirs: readonly Front[];
}

/** Starts everything around the origin at `port`, whose server is called `name`. */
export async function startStand(name: string, port: number): Promise<Stand> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-differential-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  const peers: Peer[] = [];
  for (const start of [startNginx, startHaproxy, startApache]) peers.push(cleanup.use(await start(dir, port)));
  const edge = cleanup.use(await startEdge(path.join(dir, 'edge'), EMBEDDED));
  const joined = await joinEdge(edge, edge.ready.joinToken ?? '');
  await linkLaptop(edge, joined);
  const theirs = [{ name, port }, ...peers].map((front) => ({
    name: front.name,
    port: front.port,
    host: 'peer-00.localhost',
  }));
  const ours: Front[] = [];
  const ourPort = edge.ready.httpPort ?? 0;
  for (const [at, behind] of theirs.entries()) {
    await publish(edge, joined, `peer-0${at}`, [{ port: behind.port }]);
    const host = `peer-0${at}.localhost`;
    while ((await askPlain(ourPort, host, '/ready/marker')).status !== 200);
    ours.push({ name: `Porthole, then ${behind.name}`, port: ourPort, host, before: behind.name });
  }
  const running = cleanup.move();
  return { edge, ours, theirs, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Runs `work` for every item, `width` at a time. */
export async function atOnce<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
