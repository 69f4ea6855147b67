import { describe, expect, test } from 'vitest';
import { parseGoDuration } from '../../../edge/access/crowdsec.ts';
import { Decisions } from '../../../edge/access/decisions.ts';
import { readAddress } from '../../../edge/access/network-map.ts';

function decisions() {
  let now = 0;
  const kept = new Decisions(() => now);
  const about = (text: string) => {
    const address = readAddress(text);
    return address === undefined ? 'no address' : kept.remedy(address);
  };
  return { kept, about, pass: (ms: number) => (now += ms) };
}

describe('decisions', () => {
  test('the narrowest network counts, and on one network the most severe remedy', () => {
    const { kept, about } = decisions();
    kept.add({ value: '192.0.2.0/24', type: 'ban' }, 1000);
    kept.add({ value: '192.0.2.7', type: 'captcha' }, 1000);
    expect(about('192.0.2.7')).toBe('captcha');
    kept.add({ value: '192.0.2.7', type: 'throttle' }, 1000);
    expect(about('192.0.2.7')).toBe('captcha');
    kept.add({ value: '192.0.2.7', type: 'ban' }, 1000);
    expect(about('192.0.2.7')).toBe('ban');
    expect(about('192.0.2.8')).toBe('ban');
    expect(about('192.0.3.8')).toBeUndefined();
    expect(kept.size).toBe(4);
  });

  test('run out by themselves, and make way for the wider network', () => {
    const { kept, about, pass } = decisions();
    kept.add({ value: '192.0.2.0/24', type: 'throttle' }, 5000);
    kept.add({ value: '192.0.2.7', type: 'ban' }, 1000);
    pass(1000);
    expect(about('192.0.2.7')).toBe('throttle');
    pass(4000);
    expect(about('192.0.2.7')).toBeUndefined();
    expect(kept.size).toBe(0);
  });

  test('are prolonged, never shortened, by another of the same kind', () => {
    const { kept, about, pass } = decisions();
    kept.add({ value: '2001:db8::/48', type: 'ban' }, 1000);
    kept.add({ value: '2001:db8::/48', type: 'ban' }, 5000);
    kept.add({ value: '2001:db8::/48', type: 'ban' }, 10);
    expect(kept.size).toBe(1);
    pass(4000);
    expect(about('2001:db8::9')).toBe('ban');
  });

  test('are taken back', () => {
    const { kept, about } = decisions();
    kept.add({ value: '192.0.2.7', type: 'ban' }, 1000);
    kept.add({ value: '192.0.2.7', type: 'captcha' }, 1000);
    kept.remove({ value: '192.0.2.7', type: 'ban' });
    kept.remove({ value: '192.0.2.99', type: 'ban' });
    expect(about('192.0.2.7')).toBe('captcha');
  });

  test('of a kind that nobody knows ban; what is no address is passed over', () => {
    const { kept, about } = decisions();
    expect(kept.add({ value: '192.0.2.7', type: 'tarpit' }, 1000)).toBe(true);
    expect(kept.add({ value: 'DE', type: 'ban' }, 1000)).toBe(true);
    expect(kept.add({ value: '192.0.2.8', type: 'ban' }, -1)).toBe(true);
    expect(about('192.0.2.7')).toBe('ban');
    expect(kept.size).toBe(1);
  });
});

test.each([
  ['4h', 14_400_000],
  ['3h59m12.5s', 14_352_500],
  ['-1m3s', -63_000],
  ['250ms', 250],
  ['1m500ms', 60_500],
  ['', undefined],
  ['soon', undefined],
  ['4 h', undefined],
])('the duration %j lasts %s ms', (text, expected) => {
  expect(parseGoDuration(text)).toBe(expected);
});
