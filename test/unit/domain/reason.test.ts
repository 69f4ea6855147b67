import { describe, expect, it } from 'vitest';
import { errorBodySchema, failureSchema, serviceViewSchema } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { readParams } from '../../../shared/domain/failure-params.ts';
import { because, fill, sayReason } from '../../../shared/domain/reason.ts';
import { REASONS } from '../../../shared/domain/reasons.ts';
import type { Target } from '../../../shared/domain/service.ts';
import { aService } from '../renderer/state.ts';

describe('a reason', () => {
  it('is a part of the English sentence, and is kept for other languages', () => {
    expect(failure('domain_invalid', { domain: 'a..b', reason: because('empty') }, 'domain')).toEqual({
      code: 'domain_invalid',
      message: 'The domain "a..b" is not valid: it is empty.',
      field: 'domain',
      params: { domain: 'a..b', reason: { key: 'empty' } },
    });
  });

  it('may hold another one', () => {
    expect(sayReason(because('proxy_unreached', { reason: because('refused') }))).toBe(
      'it is not reached: the connection was refused',
    );
  });

  it('is said as it is when it comes from outside', () => {
    expect(sayReason('{empty}')).toBe('{empty}');
  });
});

describe('filling a sentence', () => {
  it('does not look again at what it has put in', () => {
    const params = { a: '{b}', b: '$& $1 {a}' };
    expect(fill('{a} and {b}', params, REASONS)).toEqual({ text: '{b} and $& $1 {a}', whole: true });
  });

  it.each([
    ['a value that is missing', { b: 1 }],
    ['a value that every object has', { a: 1, constructor: 2 }],
    ['a reason without words', { a: { key: 'nobody_knows' }, b: 1 }],
    ['a reason named like what every object has', { a: { key: 'toString' }, b: 1 }],
    ['a reason that lacks its own value', { a: { key: 'longer_than' }, b: 1 }],
  ])('tells of %s', (_, params) => {
    // As a page may meet them that is older than the process it asks.
    expect(fill('{a} {b} {toString}', params as never, REASONS).whole).toBe(false);
  });
});

describe('parameters from outside', () => {
  it('are taken when they are of the known form', () => {
    const params = { port: 80, reason: { key: 'proxy_unreached', values: { reason: { key: 'refused' } } } };
    expect(readParams(JSON.parse(JSON.stringify(params)))).toEqual(params);
  });

  it('lose control characters and what is too long', () => {
    expect(readParams({ name: `a\u001b[31mb\n${'x'.repeat(5000)}` })).toEqual({ name: `a [31mb ${'x'.repeat(992)}` });
  });

  const deep = (levels: number): unknown =>
    levels === 0 ? 'x' : { key: 'proxy_unreached', values: { reason: deep(levels - 1) } };
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', ['x']],
    ['a text', 'x'],
    ['a key that is not known', { reason: { key: 'of_tomorrow' } }],
    ['a key that every object has', { reason: { key: 'constructor' } }],
    ['values that are none', { reason: { key: 'empty', values: 'x' } }],
    ['a list as a value', { reason: [] }],
    ['null as a value', { reason: null }],
    ['a name that is none', { 'a b': 1 }],
    ['very many', Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`p${i}`, i]))],
    ['reasons without end', { reason: deep(5000) }],
  ])('are left out when they are %s', (_, params) => {
    expect(readParams(params)).toBeUndefined();
  });
});

describe('a failure from another version', () => {
  const said = { code: 'busy', message: 'Too much.' };

  it('keeps its message without parameters', () => {
    expect(failureSchema.parse(said)).toEqual(said);
    expect(failureSchema.parse({ ...said, params: { reason: { key: 'of_tomorrow' } } })).toEqual(said);
    expect(errorBodySchema.parse({ error: { ...said, params: 7, more: true } })).toEqual({ error: said });
  });

  const target: Target = {
    id: 't',
    agentId: 'a',
    type: 'agent',
    host: 'localhost',
    port: 3000,
    protocol: 'http',
    path: '/',
    enabled: true,
    skipTlsVerify: false,
    connectTimeout: 5_000,
  };
  const view = aService('shop', { targets: [target], status: 'error', statusReason: 'As it came.' });
  it.each([
    ['a reason of tomorrow', { key: 'of_tomorrow' }],
    ['a refusal of tomorrow', { code: 'of_tomorrow', message: 'No.' }],
    ['anything else', ['x']],
  ])('has services that keep their English reason beside %s', (_, statusWhy) => {
    expect(serviceViewSchema.parse({ ...view, statusWhy })).toEqual(view);
    expect(serviceViewSchema.parse(view)).toEqual(view);
  });

  it('says how a service stands by what we know', () => {
    const taken = failure('address_in_use', { address: 'a:1' });
    for (const statusWhy of [because('service_targets_off'), taken])
      expect(serviceViewSchema.parse({ ...view, statusWhy })).toEqual({ ...view, statusWhy });
  });

  it('keeps the parameters that we know', () => {
    const failed = failure('name_invalid', { name: 'a_b', reason: because('name_characters') }, 'name');
    expect(failureSchema.parse(JSON.parse(JSON.stringify(failed)))).toEqual(failed);
  });
});
