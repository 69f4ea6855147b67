import { describe, expect, it } from 'vitest';
import { checkCustomHeaders } from '../../../shared/domain/custom-headers.ts';

const check = (...headers: [name: string, value: string][]) =>
  checkCustomHeaders(
    headers.map(([name, value]) => ({ name, value })),
    'targets.0.customHeaders',
  );

describe('checkCustomHeaders', () => {
  it.each<[string, string]>([
    ['X-Api-Key', 'abc'],
    ['authorization', 'Bearer x'],
    ['X-Empty', ''],
    ['X-Latin', 'caf\xe9'],
    ['x'.repeat(128), 'v'.repeat(4096)],
    ['User-Agent', 'a\tb'],
  ])('takes %s', (name, value) => {
    expect(check([name, value])).toEqual({ ok: true, value: [{ name, value }] });
  });

  it('takes blanks around a value off', () => {
    expect(check(['X-A', ' \tb c\t '])).toMatchObject({ value: [{ value: 'b c' }] });
  });

  it.each<[string, string, 'name' | 'value']>([
    ['', 'x', 'name'],
    ['X A', 'x', 'name'],
    ['X-A:', 'x', 'name'],
    ['X-Ä', 'x', 'name'],
    ['X-A\r\nX-B', 'x', 'name'],
    ['x'.repeat(129), 'x', 'name'],
    ['Host', 'x', 'name'],
    ['CONTENT-LENGTH', '0', 'name'],
    ['Transfer-Encoding', 'chunked', 'name'],
    ['Transfer_Encoding', 'chunked', 'name'],
    ['Connection', 'close', 'name'],
    ['Keep-Alive', 'x', 'name'],
    ['TE', 'trailers', 'name'],
    ['Trailer', 'x', 'name'],
    ['Upgrade', 'h2c', 'name'],
    ['Proxy-Authorization', 'x', 'name'],
    ['Proxy-Connection', 'x', 'name'],
    ['Cookie', 'a=b', 'name'],
    ['Forwarded', 'for=1.2.3.4', 'name'],
    ['X-Forwarded-For', '1.2.3.4', 'name'],
    ['x_forwarded_user', 'root', 'name'],
    ['X-Real-IP', '1.2.3.4', 'name'],
    ['X-Porthole-User', 'root', 'name'],
    ['X-Request-Id', 'x', 'name'],
    ['X-A', 'a\r\nX-B: c', 'value'],
    ['X-A', 'a\nb', 'value'],
    ['X-A', 'a\0b', 'value'],
    ['X-A', '☃', 'value'],
    ['X-A', 'v'.repeat(4097), 'value'],
  ])('refuses %j with the value %j at its %s', (name, value, part) => {
    expect(check(['X-Fine', 'x'], [name, value])).toMatchObject({
      ok: false,
      error: { code: 'header_invalid', field: `targets.0.customHeaders.1.${part}` },
    });
  });

  it('refuses a name that occurs twice, as any origin may read it', () => {
    expect(check(['X-A', '1'], ['x_a', '2'])).toMatchObject({ error: { field: 'targets.0.customHeaders.1.name' } });
  });

  it('refuses more than sixteen', () => {
    const many = Array.from({ length: 17 }, (_, n): [string, string] => [`X-${n}`, '']);
    expect(check(...many.slice(1)).ok).toBe(true);
    expect(check(...many)).toMatchObject({ error: { code: 'input_invalid', field: 'targets.0.customHeaders' } });
  });
});
