import { describe, expect, it } from 'vitest';
import { createBackoff } from '../../../shared/node/backoff.ts';
import { pause } from '../../../shared/node/clock.ts';
import { createLifetime } from '../../../shared/node/lifetime.ts';
import { createLogger, parseLogLevel, redact } from '../../../shared/node/logger.ts';
import { createRoundTrip } from '../../../shared/node/round-trip.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('backoff', () => {
  it('grows from half a second by 1.7 to ten seconds, and starts over', () => {
    const backoff = createBackoff(() => 1);
    const delays = Array.from({ length: 9 }, () => Math.round(backoff.next()));
    expect(delays).toEqual([500, 850, 1445, 2457, 4176, 7099, 10_000, 10_000, 10_000]);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });

  it('draws each delay from the whole range', () => {
    expect(createBackoff(() => 0).next()).toBe(0);
    expect(createBackoff(() => 0.5).next()).toBe(250);
  });
});

describe('pause', () => {
  it('resolves true when the time has passed', async () => {
    const clock = new ManualClock();
    const paused = pause(clock, 1000);
    clock.advance(1000);
    expect(await paused).toBe(true);
  });

  it('resolves false on abort, and leaves no timer', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const paused = pause(clock, 1000, controller.signal);
    controller.abort();
    expect(await paused).toBe(false);
    expect(clock.timers).toBe(0);
    expect(await pause(clock, 1000, controller.signal)).toBe(false);
  });
});

describe('lifetime', () => {
  it('ends its steps last first, once, whoever ends it', async () => {
    const steps: string[] = [];
    const parent = new AbortController();
    const lifetime = createLifetime(parent.signal);
    lifetime.defer(() => {
      steps.push('first');
    });
    lifetime.defer(async () => {
      await Promise.resolve();
      steps.push('second');
    });
    parent.abort();
    await lifetime[Symbol.asyncDispose]();
    await lifetime[Symbol.asyncDispose]();
    expect(steps).toEqual(['second', 'first']);
    expect(lifetime.signal.aborted).toBe(true);
  });

  it('ends the rest when a step fails, and says so', async () => {
    const steps: string[] = [];
    const lifetime = createLifetime();
    lifetime.defer(() => {
      steps.push('ran');
    });
    lifetime.defer(() => {
      throw new Error('stuck');
    });
    await expect(lifetime[Symbol.asyncDispose]()).rejects.toBeInstanceOf(AggregateError);
    expect(steps).toEqual(['ran']);
  });

  it('reports a failure to the one who watches when its parent ends it', async () => {
    const failed = Promise.withResolvers<unknown>();
    const parent = new AbortController();
    const lifetime = createLifetime(parent.signal, failed.resolve);
    lifetime.defer(() => Promise.reject(new Error('stuck')));
    parent.abort();
    expect(await failed.promise).toBeInstanceOf(AggregateError);
  });

  it('runs a step at once that is deferred after the end', async () => {
    const lifetime = createLifetime(AbortSignal.abort());
    await new Promise<void>((resolve) => lifetime.defer(resolve));
    expect(lifetime.signal.aborted).toBe(true);
  });
});

describe('logger', () => {
  const record = (): { lines: string[]; write: (line: string) => void } => {
    const lines: string[] = [];
    return { lines, write: (line) => lines.push(line) };
  };

  it('writes one JSON object a line, with level, time and fields', () => {
    const { lines, write } = record();
    createLogger({ level: 'info', write }).child({ room: 'tunnels' }).warn('cut', { code: 2 });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', msg: 'cut', code: 2, room: 'tunnels' });
    expect(JSON.parse(lines[0] ?? '').time).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('keeps quiet below its level', () => {
    const { lines, write } = record();
    const logger = createLogger({ level: 'warn', write });
    logger.debug('a');
    logger.info('b');
    expect(lines).toEqual([]);
  });

  it.each([
    ['a credential', { credential: 'pha_abcDEF123' }],
    ['a join token in a sentence', { note: 'joined with phj_abcDEF123, fine' }],
    ['an authorization header', { headers: { Authorization: 'Basic abcDEF123' } }],
    ['cookies', { headers: { cookie: 'a=abcDEF123', 'set-cookie': ['b=abcDEF123'] } }],
    ['a token in a list', { tokens: ['phs_abcDEF123'] }],
    ['a token under its own key', { joinToken: 'abcDEF123' }],
    ['an error', { error: new Error('bad token phj_abcDEF123', { cause: 'pha_abcDEF123' }) }],
  ])('masks %s', (_, fields) => {
    const { lines, write } = record();
    const logger = createLogger({ level: 'debug', write });
    logger.error('failed', fields);
    logger.child(fields).error('failed with pha_abcDEF123');
    expect(lines.join('')).not.toContain('abcDEF123');
    expect(lines.join('')).toContain('[redacted]');
  });

  it('survives values that go round in circles', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(JSON.stringify(redact(circle))).toContain('[deep]');
  });

  it('takes unknown levels for info', () => {
    expect(['debug', 'silent', 'loud', undefined].map(parseLogLevel)).toEqual(['debug', 'silent', 'info', 'info']);
  });
});

describe('round trip', () => {
  it('smooths, and keeps the shortest of the last minute', () => {
    const roundTrip = createRoundTrip();
    roundTrip.finish(roundTrip.start(0), 80, false);
    roundTrip.finish(roundTrip.start(100), 140, false);
    expect([roundTrip.smoothed, roundTrip.shortest]).toEqual([40, 40]);
    for (let i = 0; i < 12; i++) roundTrip.finish(roundTrip.start(0), 60, false);
    expect(roundTrip.shortest).toBe(60);
  });

  it('is not stretched by a queue that the link itself keeps standing', () => {
    const roundTrip = createRoundTrip();
    roundTrip.finish(roundTrip.start(0), 40, false);
    for (let i = 0; i < 100; i++) roundTrip.finish(roundTrip.start(0), 100, true);
    expect(roundTrip.shortest).toBe(40);
    roundTrip.finish(roundTrip.start(0), 30, true);
    expect(roundTrip.shortest).toBe(30);
  });

  it('follows a path that has become much longer, even under load', () => {
    const roundTrip = createRoundTrip();
    roundTrip.finish(roundTrip.start(0), 20, false);
    for (let i = 0; i < 12; i++) roundTrip.finish(roundTrip.start(0), 90, true);
    expect(roundTrip.shortest).toBe(90);
  });

  it('is smoothed: a cold start is forgotten at once, a pause within some samples', () => {
    const roundTrip = createRoundTrip();
    const measure = (ms: number): number => {
      roundTrip.finish(roundTrip.start(0), ms, false);
      return roundTrip.smoothed;
    };
    expect([80, 40, 2, 3].map(measure)).toEqual([80, 40, 2, 2]);
    expect(measure(82)).toBe(12);
    expect([2, 2, 2, 2].map(measure)).toEqual([7, 4.5, 3.25, 2.625]);
  });

  it('takes no answer that it has not asked for', () => {
    const roundTrip = createRoundTrip();
    const token = roundTrip.start(0);
    roundTrip.finish(token + 1, 5, false);
    expect(roundTrip.smoothed).toBe(0);
    roundTrip.finish(token, 5, false);
    roundTrip.finish(token, 500, false);
    expect(roundTrip.smoothed).toBe(5);
  });
});
