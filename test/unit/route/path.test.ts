import { describe, expect, it } from 'vitest';
import { matchTarget } from '../../../edge/route/path.ts';
import type { RouteTarget } from '../../../edge/visit.ts';

const target = (prefix: string): RouteTarget => ({
  id: prefix,
  agentId: 'a',
  label: '',
  prefix,
  authority: '',
  open: new Uint8Array(0),
});
const match = (prefixes: readonly string[], path: string): string | undefined => {
  const found = matchTarget(prefixes.map(target), path);
  return typeof found === 'object' ? found.id : found;
};

const SPLIT = ['/api/admin', '/api', '/'];

describe('matchTarget', () => {
  it.each([
    ['/', '/'],
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api/x', '/api'],
    ['/apiv2', '/'],
    ['/API', '/'],
    ['/api/administrator', '/api'],
    ['/api/admin', '/api/admin'],
    ['/api/admin/x', '/api/admin'],
    ['/.well-known/acme', '/'],
    ['/x/api', '/'],
    ['/api/caf%C3%A9', '/api'],
    ['/api/a%2Fb', '/api'],
    ['/api/x;v=1', '/api'],
    ['/api/x/../y', '/api'],
    ['/api/./x', '/api'],
    ['/api//x', '/api'],
    ['*', '/'],
  ])('sends %s to %s', (path, id) => {
    expect(match(SPLIT, path)).toBe(id);
  });

  it.each([
    '/api/../secret',
    '/api/..',
    '/api/%2e%2e/secret',
    '/api/.%2E/secret',
    '/api/..%2fsecret',
    '/api/%252e%252e/secret',
    '/api/%25252e%25252e%25252fsecret',
    '/api/..\\secret',
    '/api/..;/secret',
    '/api//admin',
    '//api',
    '/api%2fadmin',
    '/%61pi',
    '/x/../api',
    '/api/./admin',
    '/api;x/admin',
    '/api/%2525252525252541',
  ])('refuses %s, which origins could read as another target', (path) => {
    expect(match(SPLIT, path)).toBe('ambiguous');
  });

  it('leaves any path to a service with one target for everything', () => {
    for (const path of ['/a/../b', '//x', '/%2e%2e%2f', '/a\\b']) expect(match(['/'], path)).toBe('/');
  });

  it('finds nothing outside the only prefix', () => {
    expect(match(['/api'], '/other')).toBeUndefined();
    expect(match([], '/')).toBeUndefined();
    expect(match(['/api'], '/api/../other')).toBe('ambiguous');
  });
});
