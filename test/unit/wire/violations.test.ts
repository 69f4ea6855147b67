import { describe, expect, it } from 'vitest';
import { GO_AWAY } from '../../../shared/wire/codes.ts';
import { FRAME, INITIAL_WINDOW, type Violation } from '../../../shared/wire/frame.ts';
import { RecordedSession } from './session-pair.ts';

const PING = [0, 0, 0, 0, 0, 0, 0, 1];
const few = { perSecond: 1, burst: 3 };
const many = { perSecond: 1e9, burst: 1e9 };

function edgeWithStream(): RecordedSession {
  const edge = new RecordedSession('edge');
  edge.open();
  return edge;
}

function agentWithStream(): RecordedSession {
  const agent = new RecordedSession('agent', { maxStreams: 2 });
  agent.frame(FRAME.OPEN, 1, [1]);
  return agent;
}

function openEdge(): RecordedSession {
  const edge = edgeWithStream();
  edge.frame(FRAME.OPENED, 1, [0, 0, 0, 1]);
  return edge;
}

/** Sends `frame` until it is refused, at most `times`. */
function until(times: number, frame: () => Violation | undefined): Violation | undefined {
  for (let i = 0; i < times; i++) {
    const violation = frame();
    if (violation !== undefined) return violation;
  }
  return undefined;
}

const overrun = (session: RecordedSession): Violation | undefined =>
  until(3, () => session.frame(FRAME.DATA, 1, new Array(INITIAL_WINDOW / 2).fill(0)));

describe('a peer that breaks the protocol', () => {
  const cases: readonly (readonly [string, number, () => Violation | undefined])[] = [
    ['opens a stream at the edge', GO_AWAY.PROTOCOL, () => new RecordedSession('edge').frame(FRAME.OPEN, 1, [1])],
    ['opens the same stream twice', GO_AWAY.PROTOCOL, () => agentWithStream().frame(FRAME.OPEN, 1, [1])],
    ['skips a stream id', GO_AWAY.PROTOCOL, () => agentWithStream().frame(FRAME.OPEN, 3, [1])],
    ['opens stream 0', GO_AWAY.PROTOCOL, () => agentWithStream().frame(FRAME.OPEN, 0, [1])],
    [
      'goes back to an old id',
      GO_AWAY.PROTOCOL,
      () => {
        const agent = agentWithStream();
        agent.frame(FRAME.OPEN, 2, [1]);
        agent.frame(FRAME.RESET, 2, [1]);
        return agent.frame(FRAME.OPEN, 2, [1]);
      },
    ],
    [
      'opens too many streams',
      GO_AWAY.LIMIT,
      () => {
        const agent = agentWithStream();
        agent.frame(FRAME.OPEN, 2, [1]);
        return agent.frame(FRAME.OPEN, 3, [1]);
      },
    ],
    ['sends data without credit, to the agent', GO_AWAY.PROTOCOL, () => overrun(agentWithStream())],
    ['sends data without credit, to the edge', GO_AWAY.PROTOCOL, () => overrun(openEdge())],
    ['sends data for a stream that never was', GO_AWAY.PROTOCOL, () => agentWithStream().frame(FRAME.DATA, 2, [1])],
    ['ends a stream that never was', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.FIN, 2)],
    ['resets a stream that never was', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.RESET, 9, [1])],
    ['sends data before it reports the dial', GO_AWAY.PROTOCOL, () => edgeWithStream().frame(FRAME.DATA, 1, [1])],
    ['ends before it reports the dial', GO_AWAY.PROTOCOL, () => edgeWithStream().frame(FRAME.FIN, 1)],
    ['reports the dial twice', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.OPENED, 1, [0, 0, 0, 1])],
    ['reports a dial to the agent', GO_AWAY.PROTOCOL, () => agentWithStream().frame(FRAME.OPENED, 1, [0, 0, 0, 1])],
    [
      'sends data after its end',
      GO_AWAY.PROTOCOL,
      () => {
        const edge = openEdge();
        edge.frame(FRAME.FIN, 1);
        return edge.frame(FRAME.DATA, 1, [1]);
      },
    ],
    [
      'ends twice',
      GO_AWAY.PROTOCOL,
      () => {
        const edge = openEdge();
        edge.frame(FRAME.FIN, 1);
        return edge.frame(FRAME.FIN, 1);
      },
    ],
    [
      'keeps sending on a stream that is over',
      GO_AWAY.PROTOCOL,
      () => {
        const edge = openEdge();
        edge.frame(FRAME.RESET, 1, [1]);
        return until(3, () => edge.frame(FRAME.DATA, 1, new Array(INITIAL_WINDOW).fill(0)));
      },
    ],
    ['grants no credit', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.WINDOW, 1, [0, 0, 0, 0])],
    [
      'grants credit beyond all bounds',
      GO_AWAY.PROTOCOL,
      () => openEdge().frame(FRAME.WINDOW, 1, [127, 255, 255, 255]),
    ],
    ['pings on a stream', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.PING, 1, PING)],
    ['sends data on the tunnel itself', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.DATA, 0, [1])],
    ['says hello again', GO_AWAY.PROTOCOL, () => openEdge().frame(FRAME.HELLO, 0, [123, 125])],
    ['welcomes again', GO_AWAY.PROTOCOL, () => agentWithStream().frame(FRAME.WELCOME, 0, [123, 125])],
  ];

  it.each(cases)('is cut when it %s', (_, code, act) => {
    const violation = act();
    expect(violation?.code).toBe(code);
    expect(violation?.reason).toMatch(/^[ -~]{4,120}$/);
  });

  const floods: readonly (readonly [string, (session: RecordedSession) => Violation | undefined])[] = [
    ['ping', (session) => session.frame(FRAME.PING, 0, PING)],
    ['ping', (session) => session.frame(FRAME.PONG, 0, PING)],
    ['tiny', (session) => session.frame(FRAME.DATA, 1, [1])],
    ['control', (session) => session.frame(FRAME.WINDOW, 1, [0, 0, 0, 1])],
    ['reset', (session) => session.frame(FRAME.GO_AWAY, 0, [1])],
  ];

  it.each(floods)('is cut when it floods with cheap frames (%s)', (kind, act) => {
    const floodLimits = { ping: many, reset: many, control: many, tiny: many, [kind]: few };
    const agent = new RecordedSession('agent', { floodLimits });
    agent.frame(FRAME.OPEN, 1, [1]);
    expect(until(3, () => act(agent))).toBeUndefined();
    expect(act(agent)?.code).toBe(GO_AWAY.LIMIT);
  });

  it('is cut when it opens and resets at once, again and again', () => {
    const agent = new RecordedSession('agent', { floodLimits: { ping: many, reset: few, control: many, tiny: many } });
    let id = 0;
    const act = (): Violation | undefined => {
      id++;
      return agent.frame(FRAME.OPEN, id, [1]) ?? agent.frame(FRAME.RESET, id, [1]);
    };
    expect(until(10, act)?.code).toBe(GO_AWAY.LIMIT);
    expect(id).toBe(4);
  });

  it('may go on at the rate itself', () => {
    const agent = new RecordedSession('agent', { floodLimits: { ping: few, reset: many, control: many, tiny: many } });
    const slow = (): Violation | undefined => {
      agent.now += 1000;
      return agent.frame(FRAME.PING, 0, PING);
    };
    expect(until(100, slow)).toBeUndefined();
  });
});
