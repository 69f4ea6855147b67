import { describe, expect, it } from 'vitest';
import { type FailedAttempt, isIdempotent, mayRepeat } from '../../../edge/proxy/repeat.ts';
import { RESET } from '../../../shared/wire/codes.ts';

const attempt = (changes: Partial<FailedAttempt>): FailedAttempt => ({
  method: 'GET',
  failure: 'origin_closed',
  code: RESET.BROKEN,
  reused: true,
  opened: true,
  ...changes,
});

describe('mayRepeat', () => {
  it.each<[string, Partial<FailedAttempt>, boolean]>([
    ['a GET on a keep-alive stream that was just closing', {}, true],
    ['a PUT there, no byte of its body sent', { method: 'PUT' }, true],
    ['a POST there, which may have been taken', { method: 'POST' }, false],
    ['a PATCH there', { method: 'PATCH' }, false],
    ['a method that nobody knows', { method: 'PURGE' }, false],
    ['a GET on a new stream that the origin closed', { reused: false }, false],
    ['a GET whose origin refuses connections', { failure: 'origin_refused', code: RESET.REFUSED }, false],
    ['a GET whose origin does not answer', { failure: 'origin_timeout', code: RESET.TIMEOUT }, false],
    ['a GET that was answered with something else', { failure: 'origin_bad_response', code: undefined }, false],
    ['a GET whose target is not allowed', { failure: 'origin_not_allowed', code: RESET.NOT_ALLOWED }, false],
    ['a GET whose tunnel broke', { failure: 'tunnel_lost', code: RESET.TUNNEL_LOST, reused: false }, true],
    ['a POST whose tunnel broke', { method: 'POST', failure: 'tunnel_lost', code: RESET.TUNNEL_LOST }, false],
    [
      'a POST that a tunnel going away never dialled for',
      { method: 'POST', failure: 'tunnel_lost', code: RESET.GOING_AWAY, reused: false, opened: false },
      true,
    ],
    [
      'a POST on a stream of a tunnel going away that was connected',
      { method: 'POST', failure: 'tunnel_lost', code: RESET.GOING_AWAY, reused: false, opened: true },
      false,
    ],
    [
      'a POST on a reused stream of a tunnel going away',
      { method: 'POST', failure: 'tunnel_lost', code: RESET.GOING_AWAY, reused: true, opened: false },
      false,
    ],
  ])('is asked about %s', (_, changes, wanted) => {
    expect(mayRepeat(attempt(changes))).toBe(wanted);
  });

  it('knows the idempotent methods, in their own case only', () => {
    expect(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].every(isIdempotent)).toBe(true);
    expect(['POST', 'PATCH', 'CONNECT', 'get', ''].some(isIdempotent)).toBe(false);
  });
});
