import {
  createEdgeLink,
  type DialAsk,
  type EdgeLink,
  type LinkPlace,
  type LinkTunnel,
  type LinkTunnelEvents,
} from '../../../main/agent/edge-link.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { ManualClock } from '../../support/manual-clock.ts';

export const refused = failure('edge_unreachable', { address: 'edge.test:443', reason: 'the connection was refused' });

/** Where a tunnel lands at an edge that knows no links. */
export const single: LinkPlace = { nodeId: 'n', carriers: 1, workers: 1, worker: 0, nodes: [] };

export class FakeTunnel implements LinkTunnel {
  readonly events: LinkTunnelEvents;
  readonly place: LinkPlace;
  readonly remoteAddress = '127.0.0.1';
  roundTrip: number | undefined;
  streams = 0;
  bulk = 0;
  sent = 10;
  received = 20;
  readonly calls: string[] = [];

  constructor(events: LinkTunnelEvents, place: LinkPlace = single) {
    this.events = events;
    this.place = place;
  }

  probe(wait: number): void {
    this.calls.push(`probe ${wait}`);
  }

  drain(): void {
    this.calls.push('drain');
  }

  destroy(): void {
    this.calls.push('destroy');
  }
}

/** A link over dials that the test answers one by one. */
export class Bench {
  readonly clock = new ManualClock();
  readonly dials: {
    readonly events: LinkTunnelEvents;
    readonly signal: AbortSignal;
    readonly ask: DialAsk;
    answer(r: Result<LinkTunnel, Failure>): void;
  }[] = [];
  readonly link: EdgeLink;

  constructor(random: () => number = () => 0.999) {
    this.link = createEdgeLink({
      clock: this.clock,
      random,
      dial: (events, signal, ask) => {
        const { promise, resolve } = Promise.withResolvers<Result<LinkTunnel, Failure>>();
        this.dials.push({ events, signal, ask, answer: resolve });
        return promise;
      },
    });
  }

  async fail(reason: Failure = refused): Promise<void> {
    this.dials.at(-1)?.answer(err(reason));
    await settled();
  }

  /** The dial with number `at`, or the last one, works and lands at `place`. */
  async succeed(place: LinkPlace = single, at = this.dials.length - 1): Promise<FakeTunnel> {
    const dial = this.dials[at];
    if (dial === undefined) throw new Error('no dial');
    const tunnel = new FakeTunnel(dial.events, place);
    dial.answer(ok(tunnel));
    await settled();
    return tunnel;
  }

  /** Lets time pass until the next try; what the state shows is rounded. */
  pass(): void {
    this.clock.advance(this.wait + 1);
  }

  /** Milliseconds until the next try. */
  get wait(): number {
    return (this.link.state.nextTryAt ?? Number.NaN) - this.clock.now();
  }
}

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
