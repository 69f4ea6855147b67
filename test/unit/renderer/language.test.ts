import { expect, it } from 'vitest';
import { hrefOf, placeOf } from '../../../renderer/state/route.ts';
import { chooseLanguage, localeOf } from '../../../renderer/strings/language.ts';

it.each([
  [undefined, ['de-AT', 'en'], 'de', 'de-AT'],
  [undefined, ['fr-FR', 'de'], 'de', 'de-DE'],
  [undefined, ['fr-FR', 'EN-us'], 'en', 'EN-us'],
  [undefined, ['fr-FR'], 'en', 'en-GB'],
  [undefined, [], 'en', 'en-GB'],
  ['en', ['de-AT'], 'en', 'en-GB'],
  ['klingon', ['de-AT'], 'de', 'de-AT'],
] as const)('with %s chosen and %j of the system, %s is spoken as in %s', (chosen, system, language, locale) => {
  expect(chooseLanguage(chosen, system)).toBe(language);
  expect(localeOf(language, system)).toBe(locale);
});

it.each([
  ['', 'services', []],
  ['#/log', 'log', []],
  ['#/services/01jq/access', 'services', ['01jq', 'access']],
  ['#/services/a%2Fb/', 'services', ['a/b']],
  ['#/services/%zz', 'services', ['%zz']],
  ['#/nowhere/at', 'services', []],
])('the hash %j is a place', (hash, screen, path) => {
  expect(placeOf(hash)).toEqual({ screen, path });
});

it('a link leads to the place that it was made for', () => {
  expect(placeOf(hrefOf('services', 'a/b c', 'x'))).toEqual({ screen: 'services', path: ['a/b c', 'x'] });
});
