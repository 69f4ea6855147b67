import { describe, expect, it } from 'vitest';
import { lifetimeOf } from '../../../renderer/share/lifetimes.ts';
import { describeTarget, dialHost, splitUrl } from '../../../renderer/state/address.ts';
import { audienceOf } from '../../../renderer/state/audience.ts';
import { linkView } from '../../../renderer/state/link-view.ts';
import { placeOf } from '../../../renderer/state/route.ts';
import { standingOf } from '../../../renderer/state/standing.ts';
import { summarise } from '../../../renderer/state/summary.ts';
import { offeredUrl } from '../../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { aService, aState } from './state.ts';

describe('how a service stands', () => {
  it('is the edge’s word while the link is up, with its reason', () => {
    const service = aService('app', { status: 'error', statusReason: 'Nothing listens on port 3000.' });
    expect(standingOf(service, aState())).toMatchObject({ key: 'error', reason: 'Nothing listens on port 3000.' });
    expect(standingOf(aService('app'), aState())).toMatchObject({ key: 'active', reason: undefined });
  });

  it('is never live while the link is not up', () => {
    const at = (state: 'connecting' | 'down' | 'paused') => standingOf(aService('app'), aState({}, { state })).key;
    expect(at('down')).toBe('unreachable');
    expect(at('paused')).toBe('unreachable');
    expect(at('connecting')).toBe('reconnecting');
  });

  it('is never live while the embedded edge is stopped, whatever the link says', () => {
    const { edge } = aState();
    expect(standingOf(aService('app'), { edge: { ...edge, process: 'stopped' } }).key).toBe('unreachable');
  });

  it('stays off when it was switched off', () => {
    const off = aService('app', { enabled: false, status: 'disabled' });
    expect(standingOf(off, aState({}, { state: 'down' })).key).toBe('disabled');
  });
});

describe('the first glance', () => {
  it('says that nothing is public where there is nothing', () => {
    expect(summarise(aState())).toMatchObject({ live: 0, title: 'Nothing on this laptop is public' });
  });

  it('counts what is live and names the rest', () => {
    const services = [
      aService('a'),
      aService('b'),
      aService('c', { status: 'error' }),
      aService('d', { status: 'pending' }),
      aService('e', { status: 'disabled', enabled: false }),
    ];
    const { title, body } = summarise(aState({ services }));
    expect(title).toBe('2 services are public');
    expect(body).toMatch(/1 needs attention\. 1 is getting ready\. 1 is off\./);
  });

  it('says that localhost names stay on this laptop, and does not say it of a real domain', () => {
    const services = [aService('a')];
    const edge = { kind: 'joined', domain: 'edge.example.com', link: { state: 'up', since: 0 } } as const;
    expect(summarise(aState({ services })).body).toContain('this laptop only');
    expect(summarise(aState({ services, edge })).body).not.toContain('this laptop only');
  });

  it('does not call a service public that nobody can reach', () => {
    expect(summarise(aState({ services: [aService('a')] }, { state: 'down' }))).toMatchObject({
      live: 0,
      title: 'Nothing is reachable right now',
    });
  });
});

describe('the URL that is offered', () => {
  const urls = { https: 'https://app.localhost:8443/', http: 'http://app.localhost:8080/' };
  it('is https where the machine trusts the certificate or everyone does', () => {
    expect(offeredUrl(urls, 'trusted')).toBe(urls.https);
    expect(offeredUrl(urls, 'none')).toBe(urls.https);
  });

  it('is http where the machine does not trust the certificate and there is one', () => {
    expect(offeredUrl(urls, 'untrusted')).toBe(urls.http);
    expect(offeredUrl({ https: urls.https }, 'untrusted')).toBe(urls.https);
  });

  it('is the only one of a TCP service', () => {
    expect(offeredUrl({ direct: 'tcp://localhost:15432' }, 'untrusted')).toBe('tcp://localhost:15432');
  });

  it('is cut at the name', () => {
    expect(splitUrl('https://app.localhost:8443/')).toEqual({
      scheme: 'https://',
      label: 'app',
      domain: '.localhost',
      port: ':8443',
    });
    expect(splitUrl('https://app.edge.example.com/')).toMatchObject({ domain: '.edge.example.com', port: '' });
    expect(splitUrl('tcp://localhost:15432')).toMatchObject({ label: 'localhost', domain: '', port: ':15432' });
    expect(splitUrl('odd')).toMatchObject({ scheme: '', label: 'odd', domain: '', port: '' });
  });
});

describe('a target', () => {
  const target = {
    id: 't',
    agentId: 'a',
    type: 'host',
    host: 'fd00::5',
    port: 8443,
    protocol: 'https',
    path: '/api',
    enabled: true,
    skipTlsVerify: false,
    connectTimeout: 1,
  } as const;
  it('is described as one would type it', () => {
    expect(describeTarget(target)).toBe('https://[fd00::5]:8443/api');
    expect(describeTarget({ ...target, host: 'localhost', protocol: 'http', path: '/' })).toBe('localhost:8443');
  });

  it.each([
    [['127.0.0.1'], undefined],
    [['::1'], undefined],
    [['0.0.0.0', '::'], undefined],
    [[], undefined],
    [['192.168.1.20'], '192.168.1.20'],
    [['127.0.0.53'], '127.0.0.53'],
  ])('that listens on %j is dialled at %j', (addresses, host) => {
    expect(dialHost({ port: 1, addresses })).toBe(host);
  });
});

describe('the line to the edge', () => {
  it('has nothing to say while all is well', () => {
    expect(linkView(aState(), 'open')).toMatchObject({ mark: 'on', notice: undefined });
  });

  it('names the nearest break first: main, then the edge’s process, then the link', () => {
    const { edge } = aState({}, { state: 'down' });
    const stopped = aState({ edge: { ...edge, process: 'stopped' } });
    expect(linkView(stopped, 'lost').notice?.title).toBe('Porthole has stopped.');
    expect(linkView(stopped, 'open').notice?.title).toBe('The edge on this laptop stopped.');
    expect(linkView(aState({}, { state: 'down' }), 'open').notice?.title).toBe('No connection to localhost.');
  });

  it('says why, what it means and when it is tried again', () => {
    const failure = { code: 'edge_unreachable', message: 'Nothing answers at edge:443 (timed out).' } as const;
    const { notice } = linkView(aState({}, { state: 'down', failure, nextTryAt: 1234 }), 'open');
    expect(notice).toMatchObject({ tone: 'warn', retryAt: 1234 });
    expect(notice?.body).toMatch(/^Nothing answers at edge:443 \(timed out\)\. Visitors see/);
  });

  it('says what visitors see: a page where an edge runs, nothing where the edge on this laptop does not', () => {
    const { edge } = aState({}, { state: 'down' });
    const bodyOf = (more: Partial<typeof edge>, services = [aService('app')]) =>
      linkView(aState({ services, edge: { ...edge, ...more } }), 'open').notice?.body;
    expect(bodyOf({ process: 'stopped' })).toMatch(/^Nobody answers at your addresses until it is back\./);
    expect(bodyOf({ process: 'starting' })).toMatch(/^Nobody answers at your addresses/);
    expect(bodyOf({ process: 'starting' }, [])).toMatch(/first time/);
    const connecting = { state: 'connecting', since: 0 } as const;
    expect(bodyOf({ link: connecting })).toMatch(/^Visitors see an “offline” page until/);
    expect(bodyOf({ process: 'running' })).not.toMatch(/network/);
    expect(bodyOf({ kind: 'joined' })).toMatch(/“offline” page, as long as the edge itself answers.*network/);
  });

  it('asks for a new link where this page’s session is over', () => {
    expect(linkView(undefined, 'refused').notice?.body).toMatch(/new link/);
  });
});

describe('the screen', () => {
  it.each([
    ['', 'services'],
    ['#/services', 'services'],
    ['#/log', 'log'],
    ['#/nowhere', 'services'],
    ['#key=abc', 'services'],
  ])('of %j is %s', (hash, screen) => {
    expect(placeOf(hash).screen).toBe(screen);
  });
});

describe('who may see a service', () => {
  const service = (more: Partial<ServiceView>) => audienceOf(aService('app', more));
  it('is said, never implied', () => {
    expect(service({})).toEqual({ words: 'Public: anyone with the link', locked: false });
    expect(service({ mode: 'tcp' }).words).toBe('Public: anyone who knows the address');
    expect(service({ enabled: false })).toEqual({ words: 'Not public: switched off', locked: false });
    expect(service({ auth: {} }).locked).toBe(false);
    expect(service({ auth: { pin: true } })).toEqual({ words: 'PIN', locked: true });
    expect(service({ auth: { password: true, pin: true, sso: { provider: 'p', groups: ['a', 'b'] } } }).words).toBe(
      'Password, PIN or Sign-in, 2 groups',
    );
    expect(service({ restrictions: { allowCidrs: ['10.0.0.0/8'] } })).toEqual({
      words: 'Public: anyone with the link, from some places only',
      locked: true,
    });
  });
});

describe('how long a share link lives', () => {
  const at = (hour: number): number => new Date(2026, 10, 21, hour, 30).getTime();
  it('ends tonight in the small hours, however late it is', () => {
    expect(lifetimeOf('tonight', at(15))).toBe(12.5 * 3_600_000);
    expect(lifetimeOf('tonight', at(23))).toBe(4.5 * 3_600_000);
    expect(lifetimeOf('tonight', at(2))).toBe(1.5 * 3_600_000);
    expect(lifetimeOf('tonight', at(3))).toBe(3_600_000);
    expect(lifetimeOf('hour', at(3))).toBe(3_600_000);
  });
});
