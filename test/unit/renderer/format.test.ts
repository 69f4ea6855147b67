import { describe, expect, it, vi } from 'vitest';
import { EMPTY_DRAFT, fieldOf, toInput } from '../../../renderer/services/publish-input.ts';
import { formatBytes, formatDuration, formatWhen } from '../../../renderer/time/format.ts';

// The system's own languages would decide how dates are written.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en-GB'] }));

describe('a moment', () => {
  const now = new Date(2026, 10, 21, 12, 0, 0).getTime();
  it.each([
    [0, 'now'],
    [-3000, 'now'],
    [4999, 'now'],
    [14_000, '10 s'],
    [59_999, '55 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [86_399_999, '23 h'],
    [2 * 86_400_000, '19 Nov'],
    [400 * 86_400_000, '17 Oct 2025'],
  ])('%i ms ago reads %s', (age, words) => {
    expect(formatWhen(now - age, now)).toBe(words);
  });
});

describe('a length of time', () => {
  it.each([
    [0, '0.0 ms'],
    [0.44, '0.4 ms'],
    [9.96, '10 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [1240, '1.24 s'],
    [65_000, '1 min 5 s'],
    [7_260_000, '2 h 1 min'],
  ])('of %f ms reads %s', (ms, words) => {
    expect(formatDuration(ms)).toBe(words);
  });
});

describe('a number of bytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [12 * 1024 ** 2, '12 MiB'],
    [1024 ** 3, '1.0 GiB'],
  ])('of %i reads %s', (bytes, words) => {
    expect(formatBytes(bytes)).toBe(words);
  });
});

describe('the form', () => {
  const draft = { ...EMPTY_DRAFT, port: '3000', host: ' ' };
  it('sends only what was given', () => {
    expect(toInput(draft)).toEqual({ ok: true, value: { port: 3000, protocol: 'http' } });
    const direct = { ...draft, protocol: 'tcp', listenPort: ' 15432 ' } as const;
    expect(toInput(direct)).toEqual({ ok: true, value: { port: 3000, protocol: 'tcp', listenPort: 15432 } });
    expect(toInput({ ...direct, protocol: 'http' })).toEqual({ ok: true, value: { port: 3000, protocol: 'http' } });
    expect(toInput({ ...direct, listenPort: 'x' })).toMatchObject({ ok: false, error: { field: 'listenPort' } });
    expect(toInput({ ...draft, port: ' :8443', host: '10.0.0.5', protocol: 'https', name: ' shop ' })).toEqual({
      ok: true,
      value: { port: 8443, protocol: 'https', host: '10.0.0.5', name: 'shop' },
    });
  });

  it('says who may come in, where visitors can be asked', () => {
    const pin = { ...draft, audience: 'pin', secret: '042917' } as const;
    expect(toInput(pin)).toMatchObject({ value: { auth: { pin: '042917' } } });
    expect(toInput({ ...pin, secret: '12345' })).toMatchObject({ ok: false, error: { field: 'secret' } });
    expect(toInput({ ...draft, audience: 'password', secret: '' })).toMatchObject({ error: { field: 'secret' } });
    expect(toInput({ ...draft, audience: 'link' })).toMatchObject({ value: { auth: { link: true } } });
    expect(toInput({ ...pin, protocol: 'udp' })).toEqual({ ok: true, value: { port: 3000, protocol: 'udp' } });
  });

  it.each(['', '0', '70000', 'abc', '3000x', '-1', '1e3', '3.5'])('refuses the port %j at its field', (port) => {
    expect(toInput({ ...draft, port })).toMatchObject({ ok: false, error: { code: 'port_invalid', field: 'port' } });
  });

  it.each([
    ['port', 'port'],
    ['targets.0.port', 'port'],
    ['targets.0.host', 'host'],
    ['subdomain', 'name'],
    ['domain', 'name'],
    ['path', undefined],
    [undefined, undefined],
  ])('shows a failure of %s at %s', (field, at) => {
    const failure = { code: 'input_invalid', message: 'no', ...(field === undefined ? {} : { field }) } as const;
    expect(fieldOf(failure)).toBe(at);
  });
});
