import { describe, expect, it } from 'vitest';
import { listener, placeOf, publishedPlace } from '../../../main/cli/place.ts';

describe('where a server is, on the command line', () => {
  it.each([
    [3000, {}, { type: 'agent', host: 'localhost' }],
    [3000, { host: 'LOCALHOST' }, { type: 'agent', host: 'localhost' }],
    [80, { host: ' 192.168.1.20' }, { type: 'host', host: '192.168.1.20' }],
    [80, { domain: 'nas.lan' }, { type: 'domain', host: 'nas.lan' }],
    [80, { host: '10.0.0.7', subnet: '10.0.0.0/24' }, { type: 'subnet', host: '10.0.0.7', subnet: '10.0.0.0/24' }],
    [{ unix: '/run/My App.sock' }, {}, { type: 'unix', host: '/run/My App.sock' }],
  ])('is read from %j and %j', (from, flags, place) => {
    expect(placeOf(from, flags)).toEqual(place);
  });

  it.each([
    [{ unix: 'app.sock' }, {}],
    [{ unix: '/run/app.sock' }, { host: 'nas.lan' }],
    [80, { subnet: '10.0.0.0/24' }],
    [80, { domain: 'nas.lan', host: 'nas.lan' }],
    [80, { domain: 'nas.lan', subnet: '10.0.0.0/24' }],
  ])('is refused as a mistake: %j and %j', (from, flags) => {
    expect(() => placeOf(from, flags)).toThrow();
  });

  it('is a port or a socket, and nothing else', () => {
    expect([listener('3000'), listener('unix:/run/app.sock')]).toEqual([3000, { unix: '/run/app.sock' }]);
    for (const text of ['app', '/run/app.sock', '30.5', '']) expect(() => listener(text)).toThrow();
  });

  it('is published with port 0 where it has none', () => {
    expect(publishedPlace({ unix: '/run/app.sock' }, {})).toEqual({ port: 0, type: 'unix', host: '/run/app.sock' });
    expect(publishedPlace(3000, {})).toEqual({ port: 3000 });
    expect(publishedPlace(3000, { host: 'nas' })).toEqual({ port: 3000, host: 'nas' });
  });
});
