import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { joinCommand, joinLink } from '../../../edge/join-place.ts';
import { parseJoinLink } from '../../../main/app/join-link.ts';
import { createToken } from '../../../shared/domain/token.ts';

const token = createToken('join', randomBytes);
const pin = '3f'.repeat(32);

it.each([
  [`porthole://join/edge.example.com?token=${token}`, 'edge.example.com', 443, undefined],
  [`  porthole://join/edge.example.com/?token=${token}\n`, 'edge.example.com', 443, undefined],
  [`PORTHOLE://join/Edge.Example.com:8443?token=${token}&fingerprint=${pin}`, 'edge.example.com', 8443, pin],
  [`porthole://join/10.0.0.5:8443?fingerprint=${pin}&token=${token}`, '10.0.0.5', 8443, pin],
  [`porthole://join/[2001:db8::5]:8443?token=${token}`, '2001:db8::5', 8443, undefined],
  [`porthole join https://edge.example.com --token ${token}`, 'edge.example.com', 443, undefined],
  [`$ npx porthole join 10.0.0.5:8443 --fingerprint=${pin.toUpperCase()} --token '${token}'`, '10.0.0.5', 8443, pin],
  [`porthole join "porthole://join/edge.example.com?token=${token}"`, 'edge.example.com', 443, undefined],
])('reads %s', (text, host, port, fingerprint) => {
  const link = parseJoinLink(text);
  expect(link).toEqual({
    ok: true,
    value: { address: { host, port }, token, ...(fingerprint === undefined ? {} : { fingerprint }) },
  });
});

it.each([
  '',
  'https://edge.example.com',
  'porthole://leave/edge.example.com?token=TOKEN',
  'porthole://join/?token=TOKEN',
  'porthole://join/edge.example.com',
  'porthole://join/edge.example.com/more?token=TOKEN',
  'porthole://join/edge.example.com?token=TOKEN#x',
  'porthole://join/user@edge.example.com?token=TOKEN',
  'porthole://join/edge.example.com:0?token=TOKEN',
  'porthole://join/edge.example.com:99999?token=TOKEN',
  'porthole://join/http://edge.example.com?token=TOKEN',
  'porthole://join/edge.example.com?token=TOKEN&token=TOKEN',
  'porthole://join/edge.example.com?token=TOKEN&name=laptop',
  'porthole://join/edge.example.com?token=TOKEN&fingerprint=3f7a',
  'porthole://join/edge.example.com?token=TOKENx',
  'porthole://join/%00?token=TOKEN',
  'porthole join https://edge.example.com',
  'porthole join https://edge.example.com --token TOKEN --ca ca.pem',
  'porthole join https://edge.example.com --token TOKEN; rm -rf /',
  'rm porthole join https://edge.example.com --token TOKEN',
  `porthole://join/edge.example.com?token=TOKEN&fingerprint=${'x'.repeat(5000)}`,
])('refuses %s, without repeating the token', (text) => {
  const link = parseJoinLink(text.replaceAll('TOKEN', token));
  expect(link).toMatchObject({ ok: false, error: { field: 'link' } });
  expect(JSON.stringify(link)).not.toContain(token);
});

it('reads the link and the command that an edge prints, to the same effect', () => {
  const place = { domain: 'example.com', httpsPort: 8443, fingerprint: pin };
  const expected = { ok: true, value: { address: { host: 'example.com', port: 8443 }, token, fingerprint: pin } };
  expect(parseJoinLink(joinLink(token, place) ?? '')).toEqual(expected);
  expect(parseJoinLink(joinCommand(token, place))).toEqual(expected);
  expect(parseJoinLink(joinLink(token, place, '[2001:db8::5]') ?? '')).toMatchObject({
    value: { address: { host: '2001:db8::5', port: 443 } },
  });
  expect(joinLink(token, undefined)).toBeUndefined();
});
