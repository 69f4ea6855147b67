import { describe, expect, it } from 'vitest';
import { GO_AWAY, RESET } from '../../../shared/wire/codes.ts';
import { FRAME } from '../../../shared/wire/frame.ts';
import { RecordedSession, type Seen } from './session-pair.ts';

interface Carrier {
  readonly edge: RecordedSession;
  readonly agent: RecordedSession;
}

const carrier = (limits: { maxStreams?: number } = {}): Carrier => ({
  edge: new RecordedSession('edge', limits),
  agent: new RecordedSession('agent', limits),
});

/** Two carriers and one stream in the first, open both ways. */
function setUp() {
  const [old, next] = [carrier(), carrier()];
  const near = old.edge.open();
  old.edge.deliver(old.agent);
  const far = old.agent.opened[0];
  if (far === undefined) throw new Error('not opened');
  old.agent.session.opened(far.stream, 1);
  old.agent.deliver(old.edge);
  return { old, next, near, far };
}

/** The edge begins to move `near` to `next`. */
function begin({ old, next, near }: ReturnType<typeof setUp>): Seen {
  const resumed = next.edge.session.resume(7, near.stream.id, next.edge.adopt);
  if (resumed === undefined) throw new Error('not resumed');
  old.edge.session.move(near.stream);
  return resumed;
}

describe('a stream that moves', () => {
  it('is over on the old carrier once both sides have said MOVE, and open on the new one', () => {
    const stand = setUp();
    const { old, next, near, far } = stand;
    const resumed = begin(stand);
    next.edge.deliver(next.agent);
    expect(next.agent.events).toEqual(['1 continues 7/1']);
    old.edge.deliver(old.agent);
    expect(far.events).toEqual(['move']);
    expect(far.stream.closed).toBe(false);
    old.agent.session.move(far.stream);
    old.agent.deliver(old.edge);
    expect(near.events).toEqual(['opened 1', 'move']);
    expect([old.edge.session.size, old.agent.session.size]).toEqual([0, 0]);
    const [arrived] = next.agent.opened;
    if (arrived === undefined) throw new Error('not there');
    next.agent.session.send(arrived.stream, Buffer.from('x'), 0, 1);
    expect(next.agent.deliver(next.edge)).toBeUndefined();
    expect(resumed.events).toEqual(['data 1']);
  });

  it('is still the agent’s to write to on the old carrier until it has answered', () => {
    const stand = setUp();
    begin(stand);
    const { old, near, far } = stand;
    old.edge.deliver(old.agent);
    old.agent.session.send(far.stream, Buffer.from('late'), 0, 4);
    old.agent.session.end(far.stream);
    expect(far.stream.closed).toBe(false);
    old.agent.session.move(far.stream);
    expect(old.agent.deliver(old.edge)).toBeUndefined();
    expect(near.events).toEqual(['opened 1', 'data 4', 'end', 'move']);
    expect(near.stream.closed).toBe(true);
  });

  it('does not move before its dial is over, nor once a side has ended, nor twice', () => {
    const { edge, agent } = carrier();
    const near = edge.open();
    expect(edge.session.isMovable(near.stream)).toBe(false);
    edge.frame(FRAME.OPENED, 1, [0, 0, 0, 1]);
    expect(edge.session.isMovable(near.stream)).toBe(true);
    edge.session.move(near.stream);
    expect(edge.session.isMovable(near.stream)).toBe(false);
    edge.session.move(near.stream);
    edge.deliver(agent);
    expect(agent.events.filter((event) => event.endsWith('move'))).toEqual(['1 move']);
    const half = edge.open();
    edge.frame(FRAME.OPENED, 2, [0, 0, 0, 1]);
    edge.session.end(half.stream);
    expect(edge.session.isMovable(half.stream)).toBe(false);
  });

  it('is refused where the stream it continues is over', () => {
    const { edge, agent } = carrier();
    const resumed = edge.session.resume(99, 1, edge.adopt);
    expect(edge.deliver(agent)).toBeUndefined();
    expect([agent.session.size, agent.session.draining]).toEqual([0, false]);
    agent.deliver(edge);
    expect(resumed?.events).toEqual([`reset ${RESET.CANCELLED} the stream is over`]);
  });

  it('may arrive at an agent that is about to leave that carrier', () => {
    const { edge, agent } = carrier();
    edge.session.resume(7, 1, edge.adopt);
    agent.session.goAway(GO_AWAY.SHUTDOWN, '');
    expect(edge.deliver(agent)).toBeUndefined();
    expect(agent.opened).toHaveLength(1);
  });

  it('counts as a stream of the carrier that it comes to', () => {
    const { edge, agent } = carrier({ maxStreams: 1 });
    edge.session.resume(7, 1, edge.adopt);
    expect(edge.session.resume(7, 2, edge.adopt)).toBeUndefined();
    edge.deliver(agent);
    expect(agent.frame(FRAME.CONTINUE, 2, [0, 0, 0, 7, 0, 0, 0, 2])).toEqual({ code: 3, reason: 'too many streams' });
  });
});

describe('against the rules', () => {
  it.each([
    ['a MOVE of an agent that nobody asked', 'edge', FRAME.MOVE, 1, [], 'stream 1 moved unasked'],
    ['a MOVE on a stream that never was', 'edge', FRAME.MOVE, 9, [], 'stream 9 was never opened'],
    ['a CONTINUE of an agent', 'edge', FRAME.CONTINUE, 2, [0, 0, 0, 0, 0, 0, 0, 1], 'only the edge opens streams'],
    ['a CONTINUE with a gap', 'agent', FRAME.CONTINUE, 3, [0, 0, 0, 0, 0, 0, 0, 1], 'stream 3 opened after 1'],
    ['a CONTINUE on stream 0', 'agent', FRAME.CONTINUE, 0, [0, 0, 0, 0, 0, 0, 0, 1], 'frame type 11 on stream 0'],
    ['a CONTINUE without a stream', 'agent', FRAME.CONTINUE, 2, [0, 0, 0, 0], 'frame type 11 of 4 bytes'],
    ['a MOVE with a payload', 'agent', FRAME.MOVE, 1, [0], 'frame type 12 of 1 bytes'],
    [
      'a CONTINUE of what is not there',
      'agent',
      FRAME.CONTINUE,
      2,
      [0, 0, 0, 66, 0, 0, 0, 5],
      'stream 2 continues stream 5 against the rules',
    ],
  ] as const)('cuts a peer for %s', (_, role, type, id, payload, reason) => {
    const { edge, agent } = carrier();
    edge.open();
    edge.deliver(agent);
    const victim = role === 'edge' ? edge : agent;
    expect(victim.frame(type, id, payload)).toEqual({ code: GO_AWAY.PROTOCOL, reason });
  });

  it('cuts an edge that says MOVE twice, or goes on after it', () => {
    for (const [type, payload, reason] of [
      [FRAME.MOVE, [], 'stream 1 moved twice'],
      [FRAME.DATA, [1], 'data after the end of stream 1'],
      [FRAME.FIN, [], 'stream 1 ended twice'],
    ] as const) {
      const { edge, agent } = carrier();
      edge.open();
      edge.deliver(agent);
      expect(agent.frame(FRAME.MOVE, 1)).toBeUndefined();
      expect(agent.frame(type, 1, payload)).toMatchObject({ reason });
    }
  });

  it('takes a second answer of an agent for a late frame', () => {
    const stand = setUp();
    begin(stand);
    expect(stand.old.edge.frame(FRAME.MOVE, 1)).toBeUndefined();
    expect(stand.old.edge.frame(FRAME.MOVE, 1)).toBeUndefined();
    expect(stand.near.events).toEqual(['opened 1', 'move']);
  });
});
