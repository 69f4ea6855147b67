import { describe, expect, it } from 'vitest';
import { renderAnswer } from '../../../edge/proxy/answer.ts';
import { CollectedBody } from '../../../edge/proxy/collected-body.ts';
import { DECISION_TIMEOUT, Decision } from '../../../edge/proxy/decision.ts';
import { BodyReader, FRAMING } from '../../../edge/proxy/framing.ts';
import type { Pending, Verdict } from '../../../edge/visit.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const none = (): BodyReader => new BodyReader(FRAMING.LENGTH, 0);
const NO_BODY = Buffer.alloc(0);

/** A decision under way, and the verdicts heard of it. */
function decide(pending: Pending, body = none()) {
  const clock = new ManualClock();
  const heard: Verdict[] = [];
  const first = Promise.withResolvers<Verdict>();
  const decision = new Decision(pending, body, { clock, log: silentLogger }, (verdict) => {
    heard.push(verdict);
    first.resolve(verdict);
  });
  return { clock, decision, heard, verdict: first.promise };
}

describe('a decision', () => {
  it('is heard once, in a later turn', async () => {
    const { decision, heard, verdict, clock } = decide({ kind: 'pending', decide: async () => undefined });
    decision.proceed();
    decision.proceed();
    expect(heard).toEqual([]);
    await verdict;
    expect([heard, clock.timers]).toEqual([[undefined], 0]);
  });

  it.each<[string, Pending['decide']]>([
    ['fails', () => Promise.reject(new Error('bug'))],
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
  ])('that %s lets nobody pass', async (_, how) => {
    const { decision, verdict } = decide({ kind: 'pending', decide: how });
    decision.proceed();
    expect(await verdict).toBe('internal');
  });

  it('that takes too long is one, and what comes of it later is not heard', async () => {
    const late = Promise.withResolvers<Verdict>();
    let gone: AbortSignal | undefined;
    const { decision, heard, clock } = decide({
      kind: 'pending',
      decide: (_, signal) => {
        gone = signal;
        return late.promise;
      },
    });
    decision.proceed();
    clock.advance(DECISION_TIMEOUT);
    expect(heard).toEqual(['internal']);
    expect(gone?.aborted).toBe(true);
    late.resolve(undefined);
    await late.promise;
    expect(heard).toEqual(['internal']);
  });

  it('that nobody waits for is given up', async () => {
    let gone: AbortSignal | undefined;
    const { decision, heard, clock } = decide({
      kind: 'pending',
      decide: async (_, signal) => {
        gone = signal;
        return undefined;
      },
    });
    decision.proceed();
    decision.giveUp();
    await Promise.resolve();
    expect([gone?.aborted, heard, clock.timers]).toEqual([true, [], 0]);
  });

  it('waits for the body that it asks for, and can’t let that go on to the origin', async () => {
    const seen: string[] = [];
    const pending: Pending = {
      kind: 'pending',
      bodyLimit: 10,
      decide: async (body) => {
        seen.push(body.toString());
        return undefined;
      },
    };
    const { decision, verdict } = decide(pending, new BodyReader(FRAMING.LENGTH, 4));
    decision.proceed();
    decision.body?.scan(Buffer.from('abcdefgh'), 0, 2);
    decision.proceed();
    expect(seen).toEqual([]);
    expect(decision.body?.scan(Buffer.from('abcdefgh'), 2, 8)).toBe(4);
    decision.proceed();
    expect(await verdict).toBe('internal');
    expect(seen).toEqual(['abcd']);
  });
});

describe('a collected body', () => {
  it('holds the data of chunks without their framing', () => {
    const body = new CollectedBody(new BodyReader(FRAMING.CHUNKED, 0), 10);
    const bytes = Buffer.from('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET');
    let at = 0;
    while (!body.done) at = body.scan(bytes, at, Math.min(bytes.length, at + 1));
    expect([body.take().toString(), bytes.subarray(at).toString()]).toEqual(['abcde', 'GET']);
  });

  it.each([
    ['announced', new BodyReader(FRAMING.LENGTH, 11), ''],
    ['in chunks', new BodyReader(FRAMING.CHUNKED, 0), 'b\r\n12345678901\r\n0\r\n\r\n'],
    ['until the end', new BodyReader(FRAMING.CLOSE, 0), '12345678901'],
  ])('that is too large %s is kept nowhere', (_, reader, text) => {
    const body = new CollectedBody(reader, 10);
    body.scan(Buffer.from(text), 0, text.length);
    expect([body.tooLarge, body.take().length]).toEqual([true, 0]);
  });
});

describe('an answer of a stage', () => {
  const frame = { requestId: 'r', time: 0, method: 'GET', close: false };
  const answer = { kind: 'answer', status: 200, fields: 'A: b\r\n', body: Buffer.from('hi') } as const;

  it('gets what every response has', () => {
    expect(renderAnswer(answer, frame)).toEqual({
      status: 200,
      head: 'HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nA: b\r\nContent-Length: 2\r\nX-Request-Id: r\r\n\r\n',
      body: Buffer.from('hi'),
    });
  });

  it('has no body for HEAD, and none with 304', () => {
    const head = renderAnswer(answer, { ...frame, method: 'HEAD', close: true });
    expect(head.body).toEqual(NO_BODY);
    expect(head.head).toContain('Content-Length: 2\r\nX-Request-Id: r\r\nConnection: close\r\n\r\n');
    const unchanged = renderAnswer({ ...answer, status: 304 }, frame);
    expect(unchanged.body).toEqual(NO_BODY);
    expect(unchanged.head).not.toContain('Content-Length');
  });
});
