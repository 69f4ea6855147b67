import { describe, expect, it } from 'vitest';
import { GO_AWAY, RESET } from '../../../shared/wire/codes.ts';
import { DEFAULT_FLOOD_LIMITS } from '../../../shared/wire/flood.ts';
import { FRAME, INITIAL_WINDOW, MAX_DATA } from '../../../shared/wire/frame.ts';
import { seededRandom } from '../../support/random.ts';
import { RecordedSession, type Seen } from './session-pair.ts';

function pair(): { edge: RecordedSession; agent: RecordedSession } {
  return { edge: new RecordedSession('edge'), agent: new RecordedSession('agent') };
}

/** A pair with one stream that the agent has opened. */
function opened(): { edge: RecordedSession; agent: RecordedSession; near: Seen; far: Seen } {
  const { edge, agent } = pair();
  const near = edge.open();
  edge.deliver(agent);
  const far = agent.opened[0];
  if (far === undefined) throw new Error('not opened');
  agent.session.opened(far.stream, 321);
  agent.deliver(edge);
  return { edge, agent, near, far };
}

describe('session', () => {
  it('opens a stream, reports the dial, carries bytes both ways and half-closes', () => {
    const { edge, agent, near, far } = opened();
    expect(near.events).toEqual(['opened 321']);
    edge.session.send(near.stream, Buffer.from('hello'), 0, 5);
    edge.session.end(near.stream);
    edge.deliver(agent);
    expect(far.events).toEqual(['data 5', 'end']);
    agent.session.send(far.stream, Buffer.from('bye'), 0, 3);
    agent.session.end(far.stream);
    agent.deliver(edge);
    expect(near.events).toEqual(['opened 321', 'data 3', 'end']);
    expect([near.stream.closed, far.stream.closed, edge.session.size, agent.session.size]).toEqual([true, true, 0, 0]);
  });

  it('reports the dial by itself when an agent writes first', () => {
    const { edge, agent } = pair();
    const near = edge.open();
    edge.deliver(agent);
    const [far] = agent.opened;
    if (far === undefined) throw new Error('not opened');
    agent.session.send(far.stream, Buffer.from('x'), 0, 1);
    expect(agent.deliver(edge)).toBeUndefined();
    expect(near.events).toEqual(['opened 0', 'data 1']);
  });

  it('sends no more than it has credit for, and goes on when more comes', () => {
    const { edge, agent, near, far } = opened();
    const bytes = new Uint8Array(INITIAL_WINDOW + 100);
    expect(edge.session.send(near.stream, bytes, 0, bytes.length)).toBe(INITIAL_WINDOW);
    edge.deliver(agent);
    agent.session.consumed(far.stream, INITIAL_WINDOW);
    agent.deliver(edge);
    expect(near.events).toContain('credit');
    expect(edge.session.send(near.stream, bytes, INITIAL_WINDOW, bytes.length)).toBe(bytes.length);
    expect(edge.deliver(agent)).toBeUndefined();
    expect(far.received).toBe(bytes.length);
  });

  it('splits what is longer than a frame may be', () => {
    const { edge, near } = opened();
    edge.frame(FRAME.WINDOW, 1, [0, 16, 0, 0]);
    edge.session.send(near.stream, new Uint8Array(MAX_DATA + 10), 0, MAX_DATA + 10);
    expect(edge.outbox.frames.map((frame) => frame.length)).toEqual([MAX_DATA + 8, 18]);
  });

  it('answers a ping with its token', () => {
    const { edge, agent } = pair();
    edge.session.ping(7);
    edge.deliver(agent);
    agent.deliver(edge);
    expect(edge.events).toEqual(['pong 7']);
  });

  it('tells the peer of a reset with its code and reason, and forgets the stream', () => {
    const { edge, agent, near, far } = opened();
    agent.session.reset(far.stream, RESET.REFUSED, 'connect ECONNREFUSED');
    agent.deliver(edge);
    expect(near.events.at(-1)).toBe(`reset ${RESET.REFUSED} connect ECONNREFUSED`);
    expect([edge.session.size, agent.session.size]).toEqual([0, 0]);
  });

  it('takes a reset code from the future for a broken stream', () => {
    const { edge, near } = opened();
    edge.frame(FRAME.RESET, 1, [200]);
    expect(near.events.at(-1)).toBe(`reset ${RESET.BROKEN} `);
  });

  it('tolerates frames that were under way when it closed the stream', () => {
    const { edge, agent, near, far } = opened();
    agent.session.send(far.stream, new Uint8Array(1000), 0, 1000);
    agent.session.end(far.stream);
    edge.session.reset(near.stream, RESET.CANCELLED, '');
    expect(agent.deliver(edge)).toBeUndefined();
    expect(near.events).toEqual(['opened 321']);
  });

  it.each(['edge', 'agent'] as const)(
    'opens no stream for a moment after very many resets by the %s, before the peer would take them for a flood',
    (by) => {
      const floodLimits = { ...DEFAULT_FLOOD_LIMITS, reset: { perSecond: 10, burst: 20 } };
      const [edge, agent] = [
        new RecordedSession('edge', { floodLimits }),
        new RecordedSession('agent', { floodLimits }),
      ];
      const openedIn = (): number => {
        for (let n = 0; ; n++) {
          const near = edge.session.open(Uint8Array.of(1), edge.adopt);
          if (near === undefined) return n;
          expect(edge.deliver(agent)).toBeUndefined();
          const far = agent.opened.at(-1);
          if (by === 'edge') edge.session.reset(near.stream, RESET.CANCELLED, '');
          else if (far !== undefined) agent.session.reset(far.stream, RESET.REFUSED, '');
          expect(edge.deliver(agent) ?? agent.deliver(edge)).toBeUndefined();
        }
      };
      expect(openedIn()).toBe(16);
      edge.now = 1000;
      agent.now = 1000;
      expect(openedIn()).toBe(8);
    },
  );

  it('drops the rest of a frame whose stream is reset in the middle of it', () => {
    const { edge, near } = opened();
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 10, 0, 0, 0, 1]), Buffer.alloc(10)]);
    edge.feed(frame.subarray(0, 12));
    edge.session.reset(near.stream, RESET.CANCELLED, '');
    expect(edge.feed(frame.subarray(12))).toBeUndefined();
    expect(near.received).toBe(4);
  });

  it('opens no streams once either side goes away, and serves those that cross its own', () => {
    const { edge, agent } = pair();
    const near = edge.open();
    agent.session.goAway(GO_AWAY.SHUTDOWN, 'update');
    edge.deliver(agent);
    agent.deliver(edge);
    expect(edge.events).toEqual(['go-away 1 update']);
    expect([near.stream.closed, agent.opened.length]).toEqual([false, 1]);
    expect(edge.session.open(Uint8Array.of(1), edge.adopt)).toBeUndefined();
  });

  it('opens no more streams at once than agreed', () => {
    const edge = new RecordedSession('edge', { maxStreams: 2 });
    edge.open();
    edge.open();
    expect(edge.session.open(Uint8Array.of(1), edge.adopt)).toBeUndefined();
  });

  it('never opens a stream from the agent', () => {
    const agent = new RecordedSession('agent');
    expect(agent.session.open(Uint8Array.of(1), agent.adopt)).toBeUndefined();
  });

  it('hands every stream back when it is abandoned, and does nothing with them afterwards', () => {
    const { edge, near } = opened();
    expect(edge.session.abandon()).toEqual([near]);
    edge.outbox.frames = [];
    edge.session.send(near.stream, new Uint8Array(5), 0, 5);
    edge.session.end(near.stream);
    edge.session.reset(near.stream, RESET.CANCELLED, '');
    edge.session.consumed(near.stream, 5);
    expect(edge.outbox.frames).toEqual([]);
  });

  it('keeps to the rules whatever two honest sides do', () => {
    const random = seededRandom(99);
    const { edge, agent } = pair();
    const streams: Seen[] = [];
    for (let step = 0; step < 20_000; step++) {
      const side = random() < 0.5 ? edge : agent;
      const other = side === edge ? agent : edge;
      const known = side === edge ? streams : agent.opened;
      const seen = known[known.length - 1 - Math.floor(random() * Math.min(6, known.length))];
      const dice = random();
      side.now += 1;
      if (dice < 0.1 && side === edge) {
        const fresh = edge.session.open(Uint8Array.of(1), edge.adopt);
        if (fresh !== undefined) streams.push(fresh);
      } else if (dice < 0.45 && seen !== undefined) {
        const bytes = new Uint8Array(1 + Math.floor(random() * 40_000));
        side.session.send(seen.stream, bytes, 0, bytes.length);
      } else if (dice < 0.65 && seen !== undefined) {
        side.session.consumed(seen.stream, seen.received);
        seen.received = 0;
      } else if (dice < 0.7 && seen !== undefined) {
        side.session.end(seen.stream);
      } else if (dice < 0.73 && seen !== undefined) {
        side.session.reset(seen.stream, RESET.CANCELLED, '');
      } else {
        expect(side.deliver(other)).toBeUndefined();
      }
    }
    expect(streams.length).toBeGreaterThan(200);
  });
});
