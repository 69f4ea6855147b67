import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { COOKIE, createAccess, isOwnOrigin, LINK_LIFETIME } from '../../../main/web/access.ts';

function setUp() {
  const clock = { now: 1000 };
  const access = createAccess({ now: () => clock.now, random: randomBytes, names: ['p-1.localhost', '127.0.0.1'] });
  return { access, clock };
}

/** Nobody is known to be another user. */
const anybody = () => false;

describe('links', () => {
  it('open one session, once', () => {
    const { access } = setUp();
    const token = access.issue();
    expect(access.redeem(token, anybody)).toBeDefined();
    expect(access.redeem(token, anybody)).toBeUndefined();
  });

  it('stop working after two minutes', () => {
    const { access, clock } = setUp();
    const [early, late] = [access.issue(), access.issue()];
    clock.now += LINK_LIFETIME - 1;
    expect(access.redeem(early, anybody)).toBeDefined();
    clock.now += 1;
    expect(access.redeem(late, anybody)).toBeUndefined();
  });

  it('are bounded: the oldest goes', () => {
    const { access } = setUp();
    const first = access.issue();
    const others = Array.from({ length: 16 }, () => access.issue());
    expect(access.redeem(first, anybody)).toBeUndefined();
    expect(access.redeem(others[15] ?? '', anybody)).toBeDefined();
  });

  it('open for this user only when they are private, and are not spent by others', () => {
    const { access } = setUp();
    const [open, own] = [access.issue(), access.issue('private')];
    expect(access.redeem(open, () => true)).toBeDefined();
    expect(access.redeem(own, () => true)).toBeUndefined();
    expect(access.redeem(own, () => false)).toBeDefined();
  });

  it('are not guessed by an empty token', () => {
    const { access } = setUp();
    access.issue();
    expect(access.redeem('', anybody)).toBeUndefined();
  });
});

describe('sessions', () => {
  it('are known by their cookie, among other cookies', () => {
    const { access } = setUp();
    const session = access.redeem(access.issue(), anybody);
    expect(access.knowsCookie(`a=b; ${COOKIE}=${session?.cookie}; c`)).toBe(true);
    expect(access.knowsCookie(`${COOKIE}=${session?.key}`)).toBe(false);
    expect(access.knowsCookie(undefined)).toBe(false);
  });

  it('take their own key only', () => {
    const { access } = setUp();
    const [mine, other] = [access.redeem(access.issue(), anybody), access.redeem(access.issue(), anybody)];
    expect(access.knowsKey(mine?.key ?? '', `${COOKIE}=${mine?.cookie}`)).toBe(true);
    expect(access.knowsKey(other?.key ?? '', `${COOKIE}=${mine?.cookie}`)).toBe(false);
    expect(access.knowsKey('', `${COOKIE}=${mine?.cookie}`)).toBe(false);
  });

  it('are bounded: the oldest is signed out', () => {
    const { access } = setUp();
    const sessions = Array.from({ length: 17 }, () => access.redeem(access.issue(), anybody));
    expect(access.knowsCookie(`${COOKIE}=${sessions[0]?.cookie}`)).toBe(false);
    expect(access.knowsCookie(`${COOKIE}=${sessions[16]?.cookie}`)).toBe(true);
  });
});

describe('names', () => {
  it('takes its own names on any port, so that a forwarded port works', () => {
    const { access } = setUp();
    expect(access.knowsHost('127.0.0.1:8080')).toBe(true);
    expect(access.knowsHost('P-1.localhost:8080')).toBe(true);
    expect(access.knowsHost('evil.example:8080')).toBe(false);
    expect(access.knowsHost('127.0.0.1.evil.example')).toBe(false);
    expect(access.knowsHost(undefined)).toBe(false);
  });

  it('takes only the origin that was asked', () => {
    expect(isOwnOrigin('http://127.0.0.1:8080', '127.0.0.1:8080')).toBe(true);
    expect(isOwnOrigin('http://127.0.0.1:3000', '127.0.0.1:8080')).toBe(false);
    expect(isOwnOrigin('https://127.0.0.1:8080', '127.0.0.1:8080')).toBe(false);
    expect(isOwnOrigin('null', '127.0.0.1:8080')).toBe(false);
    expect(isOwnOrigin(undefined, '127.0.0.1:8080')).toBe(false);
  });
});
