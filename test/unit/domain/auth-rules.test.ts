import { describe, expect, it } from 'vitest';
import { authHeaderFault, checkHeader, checkPassword, checkPin } from '../../../shared/domain/auth-rules.ts';

describe('a PIN', () => {
  it('is exactly six digits', () => {
    expect(checkPin('042917')).toEqual({ ok: true, value: '042917' });
  });

  it.each(['', '12345', '1234567', '12345a', ' 123456', '123456\n', '１２３４５６'])('is not %j', (pin) => {
    expect(checkPin(pin)).toMatchObject({ ok: false, error: { code: 'pin_invalid', field: 'auth.pin' } });
  });
});

describe('a password', () => {
  it('is the same however a keyboard composes it', () => {
    expect(checkPassword('cafe\u0301')).toEqual(checkPassword('caf\u00e9'));
  });

  it.each(['', 'x'.repeat(1025)])('is neither empty nor endless', (password) => {
    expect(checkPassword(password)).toMatchObject({ ok: false, error: { code: 'password_invalid' } });
  });
});

describe('a header rule', () => {
  it.each([
    [
      { kind: 'basic', user: 'ana', password: 'p' },
      { kind: 'basic', name: 'authorization', user: 'ana', secret: 'p' },
    ],
    [
      { kind: 'bearer', token: ' abc ' },
      { kind: 'bearer', name: 'authorization', secret: 'abc' },
    ],
    [
      { kind: 'custom', name: 'X-Api-Key', value: 'k 1' },
      { kind: 'custom', name: 'x-api-key', secret: 'k 1' },
    ],
  ] as const)('is taken: %j', (header, checked) => {
    expect(checkHeader(header, 'h')).toEqual({ ok: true, value: checked });
  });

  it.each([
    [{ kind: 'basic', user: 'a:b', password: 'p' }, 'h.user'],
    [{ kind: 'basic', user: 'a\n', password: 'p' }, 'h.user'],
    [{ kind: 'basic', user: 'a', password: '' }, 'h.password'],
    [{ kind: 'basic', user: 'a', password: 'a\u0000' }, 'h.password'],
    [{ kind: 'bearer', token: '' }, 'h.token'],
    [{ kind: 'bearer', token: 'a b' }, 'h.token'],
    [{ kind: 'custom', name: '', value: 'v' }, 'h.name'],
    [{ kind: 'custom', name: 'a b', value: 'v' }, 'h.name'],
    [{ kind: 'custom', name: 'X-Key', value: '' }, 'h.value'],
    [{ kind: 'custom', name: 'X-Key', value: 'a\r\nb' }, 'h.value'],
    [{ kind: 'custom', name: 'X-Key', value: 'é' }, 'h.value'],
  ] as const)('is refused: %j at %s', (header, field) => {
    expect(checkHeader(header, 'h')).toMatchObject({ ok: false, error: { field } });
  });

  it.each([
    'Host',
    'Cookie',
    'Connection',
    'Transfer-Encoding',
    'Content-Length',
    'X-Forwarded-For',
    'X_Forwarded_For',
    'Forwarded',
    'X-Porthole-User',
    'TE',
  ])('never goes by %s', (name) => {
    expect(authHeaderFault(name)).toBeDefined();
  });
});
