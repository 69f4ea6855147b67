import { expect, it } from 'vitest';
import { isUnixPath, UNIX_PATH_LIMIT, unixPathOf } from '../../../shared/domain/unix-path.ts';

it.each(['/run/app.sock', '/a', '/Users/x/Library/Application Support/a.sock', '/run/..app', '/tmp/.s.PGSQL.5432'])(
  'takes %j for the path of a socket',
  (path) => {
    expect(isUnixPath(path)).toBe(true);
  },
);

it.each([
  '',
  '/',
  'app.sock',
  './app.sock',
  '/run/../etc/app.sock',
  '/run/./app.sock',
  '/run//app.sock',
  '/run/app.sock/',
  '/run/a\u0000b',
  '\u0000abstract',
  '/run/a\nb',
  '/run/ä.sock',
  `/${'x'.repeat(UNIX_PATH_LIMIT)}`,
])('takes %j for none', (path) => {
  expect(isUnixPath(path)).toBe(false);
});

it('finds the path in what people write', () => {
  expect([unixPathOf('unix:/run/app.sock'), unixPathOf('3000'), unixPathOf('unix:')]).toEqual([
    '/run/app.sock',
    undefined,
    '',
  ]);
});
