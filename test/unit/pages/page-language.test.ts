import { expect, it } from 'vitest';
import { pageLanguage } from '../../../edge/page-language.ts';

it.each([
  [undefined, 'en'],
  ['', 'en'],
  ['de', 'de'],
  ['de-AT,de;q=0.9,en;q=0.8', 'de'],
  ['en-US,en;q=0.9,de;q=0.8', 'en'],
  ['fr-FR,fr;q=0.9,de;q=0.5,en;q=0.4', 'de'],
  ['fr', 'en'],
  ['*', 'en'],
  ['de;q=0', 'en'],
  ['en;q=0.1, DE-ch;q=0.2', 'de'],
  ['de;q=nonsense', 'de'],
  [`${'fr,'.repeat(1000)}de`, 'en'],
])('Accept-Language %j reads %s', (value, language) => {
  expect(pageLanguage(value === undefined ? '' : `Accept-Language: ${value}\r\n`)).toBe(language);
});
