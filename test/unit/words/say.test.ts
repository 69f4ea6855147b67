import { describe, expect, it } from 'vitest';
import { type Failure, failure, failureSpec } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { REASONS } from '../../../shared/domain/reasons.ts';
import { FAILURES_DE, type WindowCode } from '../../../shared/words/failures-de.ts';
import { REASONS_DE } from '../../../shared/words/reasons-de.ts';
import { sayBecause, sayFailure } from '../../../shared/words/say.ts';

const namesIn = (template: string): string[] => [...new Set(template.match(/\{\w+\}/g))].sort();

describe('the German wordings', () => {
  it.each(Object.keys(FAILURES_DE) as WindowCode[])('%s is filled with what the English one is', (code) => {
    expect(namesIn(FAILURES_DE[code])).toEqual(namesIn(failureSpec(code).say));
  });

  it.each(Object.entries(REASONS_DE))('%s is filled with what the English reason is', (key, german) => {
    expect(namesIn(german)).toEqual(namesIn(REASONS[key as keyof typeof REASONS]));
    // Both stand in the same place of a sentence: they end alike.
    expect(/[.!?]$/.test(german)).toBe(/[.!?]$/.test(REASONS[key as keyof typeof REASONS]));
  });
});

describe('a failure in German', () => {
  it('is filled with its parameters', () => {
    expect(sayFailure(failure('port_taken', { port: 5432, owner: 'db' }, 'listenPort'), 'de')).toBe(
      'Port 5432 hat schon der Dienst „db“. Wähle einen anderen, oder entferne zuerst diesen Dienst.',
    );
  });

  it('needs no parameters where its sentence has none', () => {
    expect(sayFailure(failure('pin_invalid'), 'de')).toBe('Eine PIN hat genau 6 Ziffern, etwa 042917.');
  });

  it('says its reason in German, and the reason in that one', () => {
    const proxy = because('proxy_unreached', { reason: because('refused') });
    const failed = failure('proxy_failed', { proxy: 'p:3128', address: 'e:443', reason: proxy });
    expect(sayFailure(failed, 'de')).toMatch(
      /^Der Proxy p:3128 führt nicht zu e:443 \(er ist nicht erreichbar: die Verbindung wurde abgelehnt\)\. /,
    );
  });

  it('keeps what came from outside as it is', () => {
    expect(sayFailure(failure('edge_failed', { reason: 'spawn ENOEXEC' }), 'de')).toContain('(spawn ENOEXEC)');
  });

  it('does not read values for names', () => {
    const failed = failure('domain_taken', { domain: '{owner}', owner: '{domain} $& {reason}' });
    expect(sayFailure(failed, 'de')).toMatch(/^Den Namen \{owner\} hat schon der Dienst „\{domain\} \$& \{reason\}“\./);
  });

  // As another version may send it.
  it.each<[string, object]>([
    ['without its parameters', { code: 'domain_taken' }],
    ['without one of them', { code: 'domain_taken', params: { domain: 'a.test' } }],
    ['with a reason that is not known', { code: 'domain_invalid', params: { domain: 'a', reason: { key: 'new' } } }],
    [
      'with a reason named like what all objects have',
      { code: 'input_invalid', params: { reason: { key: 'toString' } } },
    ],
    ['with a code that is not known', { code: 'of_tomorrow', params: {} }],
    ['with a code named like what all objects have', { code: 'constructor', params: {} }],
    ['with a code that no window shows', { code: 'ip_restricted' }],
  ])('is in English %s', (_, failed) => {
    expect(sayFailure({ message: 'As it came.', ...failed } as Failure, 'de')).toBe('As it came.');
  });
});

it('says in English what came, word for word', () => {
  const failed = failure('domain_invalid', { domain: 'a', reason: because('empty') });
  expect(sayFailure({ ...failed, message: 'As it came.' }, 'en')).toBe('As it came.');
});

it('says a reason by itself', () => {
  expect(sayBecause(because('silent'), 'de')).toBe('keine Antwort in der Zeit');
  expect(sayBecause(because('proxy_status', { status: 403 }), 'en')).toBe('it answers with status 403');
  expect(sayBecause({ key: 'of_tomorrow' as never }, 'de')).toBe('of_tomorrow');
});
