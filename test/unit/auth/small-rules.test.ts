import { describe, expect, it } from 'vitest';
import { forwardedFields } from '../../../edge/auth/forwarding.ts';
import { nextPath } from '../../../edge/auth/next-path.ts';
import { isSameOrigin } from '../../../edge/auth/same-origin.ts';
import { ownCookie, sessionTokens, withoutOurs } from '../../../edge/auth/session-cookie.ts';
import { fieldValue, fieldValues } from '../../../edge/field-lines.ts';
import { isReserved } from '../../../edge/reserved-path.ts';
import type { Visit } from '../../../edge/visit.ts';

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join('');

describe('session cookies', () => {
  it.each<[string, string[]]>([
    [lines('Cookie: porthole_session=a'), ['a']],
    [lines('cookie:porthole_session=a;porthole_session=b'), ['a', 'b']],
    [lines('COOKIE: x=1; porthole_session=a ', 'Cookie: porthole_session=b'), ['a', 'b']],
    [lines('Cookie: xporthole_session=a; porthole_session =b; Porthole_Session=c'), []],
    [lines('X-Cookie: porthole_session=a', 'Cook: porthole_session=a'), []],
    [lines(`Cookie: ${Array.from({ length: 9 }, (_, i) => `porthole_session=${i}`).join(';')}`), ['0', '1', '2', '3']],
    [lines('Accept: */*'), []],
  ])('of %j are %j', (fields, tokens) => {
    expect(sessionTokens(fields)).toEqual(tokens);
  });

  it.each<[string, string]>([
    [lines('A: 1', 'Cookie: a=1; porthole_session=x; b=2', 'B: 2'), lines('A: 1', 'Cookie: a=1; b=2', 'B: 2')],
    [lines('Cookie: porthole_session=x', 'B: 2'), lines('B: 2')],
    [lines('Cookie: porthole_sso=x; porthole_session=y; portholes=z'), lines('Cookie: portholes=z')],
    [lines('Cookie: a="x; porthole_session=t; y"'), lines('Cookie: a="x; y"')],
    [lines('Cookie: a=1;b=2;;'), lines('Cookie: a=1;b=2;;')],
    [lines('cookie: a=1', 'cookie: porthole_session=x'), lines('cookie: a=1')],
  ])('are taken out of %j', (fields, rest) => {
    expect(withoutOurs(fields, new Set())).toBe(rest);
  });

  it('of our own count only where there is one', () => {
    expect(ownCookie(lines('Cookie: porthole_sso=a'), 'porthole_sso')).toBe('a');
    expect(ownCookie(lines('Cookie: porthole_sso=a; porthole_sso=b'), 'porthole_sso')).toBe('');
  });
});

describe('what an origin is told', () => {
  const fields = lines('Authorization: Bearer t', 'x_api_key: k', 'X-API-Key: k', 'Accept: */*');
  const methods = {
    headers: [
      { id: '1', kind: 'bearer', name: 'authorization' },
      { id: '2', kind: 'custom', name: 'x-api-key' },
    ],
  } as const;

  it('holds no field that lets in, in any spelling', () => {
    const forwarded = forwardedFields(fields, methods, { method: 'header', user: 'ana', epoch: 1 });
    expect(forwarded.fields).toBe(lines('Accept: */*', 'X-Porthole-Auth: header', 'X-Porthole-User: ana'));
    expect([...forwarded.withheld]).toEqual(['authorization', 'x-api-key']);
  });

  it('keeps authorization where the service does not ask for it', () => {
    expect(forwardedFields(fields, { pin: true }, { method: 'pin', epoch: 1 }).fields).toContain(
      'Authorization: Bearer t',
    );
  });

  it.each([
    ['a\r\nX-Admin: 1', 'a%0D%0AX-Admin: 1'],
    ['Jürgen 100%', 'J%C3%BCrgen 100%25'],
    ['\ud800', '%EF%BF%BD'],
    [' ana ', 'ana'],
  ])('spells the user %j in visible ASCII', (user, spelled) => {
    const { fields: text } = forwardedFields('', {}, { method: 'sso', user, epoch: 1 });
    expect(text).toBe(lines('X-Porthole-Auth: sso', `X-Porthole-User: ${spelled}`));
  });

  it('tells groups apart, and takes a link’s label for nobody', () => {
    const groups = forwardedFields('', {}, { method: 'sso', user: 'a', groups: ['x,y', 'z'], epoch: 1 }).fields;
    expect(groups).toContain('X-Porthole-Groups: x%2Cy,z\r\n');
    expect(forwardedFields('', {}, { method: 'share', user: 'admin', epoch: 1 }).fields).not.toContain('admin');
  });
});

describe('where a visitor goes next', () => {
  it.each(['/', '/a', '/a?b=c&d', '/a#b', '/a//b', '/@host', '/%5cevil', '/.porthole-x'])('may be %s', (path) => {
    expect(nextPath(path)).toBe(path);
  });

  it.each([
    '//x',
    '/\\x',
    '\\\\x',
    'x',
    'http://x',
    '',
    null,
    undefined,
    '/\tx',
    '/a\\b',
    '/a b',
    '/é',
    '/.porthole',
    '/.porthole/x?y',
  ])('is the start instead of %j', (path) => {
    expect(nextPath(path)).toBe('/');
  });
});

describe('paths of the edge', () => {
  it.each(['/.porthole', '/.porthole/', '/.porthole/login', '/.porthole/../x'])('take in %s', (path) => {
    expect(isReserved(path)).toBe(true);
  });

  it.each(['/', '', '/.well-known/x', '/.portholes', '/.Porthole/x', '//.porthole/x', '/x/.porthole/'])(
    'leave out %s',
    (path) => {
      expect(isReserved(path)).toBe(false);
    },
  );
});

describe('the same origin', () => {
  const visit = (fields: string, secure = true): Visit => ({
    id: 'v',
    connection: { secure, localPort: 443, peerAddress: '127.0.0.1', serverName: undefined },
    method: 'POST',
    host: 'app.test',
    authority: 'App.test:8443',
    path: '/',
    query: '',
    fields,
    accept: '',
    route: undefined,
    target: undefined,
    identity: undefined,
    forwarded: undefined,
    note: undefined,
  });

  it.each<[string[], boolean]>([
    [[], true],
    [['Origin: https://app.test:8443'], true],
    [['Origin: https://APP.test:8443', 'Sec-Fetch-Site: same-origin'], true],
    [['Origin: null', 'Sec-Fetch-Site: same-origin'], true],
    [['Sec-Fetch-Site: same-origin'], true],
    [['Origin: null'], false],
    [['Origin: http://app.test:8443'], false],
    [['Origin: https://app.test'], false],
    [['Origin: https://app.test:8443.evil.test'], false],
    [['Origin: https://app.test:8443', 'Sec-Fetch-Site: same-site'], false],
    [['Origin: https://app.test:8443', 'Origin: https://evil.test'], false],
    [['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'], false],
    [['Sec-Fetch-Site:'], false],
    [['Origin:'], false],
  ])('of %j is %s', (fields, same) => {
    expect(isSameOrigin(visit(lines(...fields)))).toBe(same);
  });

  it('is plain http on a plain listener', () => {
    expect(isSameOrigin(visit(lines('Origin: http://app.test:8443'), false))).toBe(true);
  });
});

describe('field lines', () => {
  it('are found by name, in any case, up to a bound', () => {
    const fields = lines('A: 1', 'a:2 ', 'AB: 3', 'a: 4');
    expect(fieldValues(fields, 'a')).toEqual(['1', '2', '4']);
    expect(fieldValues(fields, 'a', 2)).toEqual(['1', '2']);
    expect([fieldValue(fields, 'a'), fieldValue(fields, 'ab'), fieldValue(fields, 'c')]).toEqual(['', '3', '']);
  });
});
