import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { preferredKind } from '../../../edge/preferred-kind.ts';
import { type Refusal, renderRefusal } from '../../../edge/proxy/refusal.ts';

const refusal: Refusal = {
  code: 'origin_refused',
  requestId: '01abc',
  time: Date.UTC(2026, 0, 2, 3, 4, 5),
  method: 'GET',
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  host: 'app.test',
  serviceName: 'My app',
  targetLabel: 'port 3000',
  close: false,
};

describe('a refusal', () => {
  it('is a page for browsers: name first, the broken link, request id, time and a way to try again', () => {
    const { status, head, body } = renderRefusal(refusal);
    const page = body.toString();
    expect(status).toBe(502);
    expect(head).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(head).toContain('Content-Type: text/html; charset=utf-8\r\n');
    expect(head).toContain(`Content-Length: ${body.length}\r\n`);
    expect(head).toContain('Retry-After: 5\r\n');
    expect(head).toContain('Cache-Control: no-store\r\n');
    expect(page.indexOf('My app')).toBeLessThan(page.indexOf('Porthole'));
    expect(page).toContain('Nothing listens on port 3000.');
    expect(page).toContain('The way from Laptop to App is broken.');
    expect(page).toContain('01abc');
    expect(page).toContain('2026-01-02 03:04:05 UTC');
    expect(page).toContain('<a href="">Try again</a>');
  });

  it('stays under 20 KB, asks for nothing, runs nothing, and its style is the one that its policy allows', () => {
    const { head, body } = renderRefusal({ ...refusal, host: 'h'.repeat(253), serviceName: '<'.repeat(255) });
    const page = body.toString();
    expect(body.length).toBeLessThan(20_000);
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|\son[a-z]+=|style=|url\(|@import/i);
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(head).toContain(`style-src 'sha256-${hash}'`);
    expect(head).toContain("default-src 'none'");
  });

  it('escapes what came from outside', () => {
    const page = renderRefusal({ ...refusal, serviceName: '<img src=x onerror="a()">', targetLabel: `'"&` }).body;
    expect(page.toString()).toContain('&lt;img src=x onerror=&quot;a()&quot;&gt;');
    expect(page.toString()).toContain('Nothing listens on &#39;&quot;&amp;.');
    expect(page.toString()).not.toContain('<img');
  });

  it('speaks the visitor’s language where it knows how', () => {
    const page = renderRefusal({ ...refusal, language: 'de' }).body.toString();
    expect(page).toContain('<html lang="de">');
    expect(page).toContain('Die App läuft nicht');
    expect(page).toContain('Auf Port 3000 lauscht niemand.');
    expect(page).toContain('<a href="">Noch einmal versuchen</a>');
    expect(renderRefusal({ ...refusal, code: 'version_unsupported', language: 'de' }).body.toString()).toContain(
      '<html lang="en">',
    );
    expect(renderRefusal({ ...refusal, accept: 'application/json', language: 'de' }).body.toString()).toContain(
      'Nothing listens on port 3000.',
    );
  });

  it('shows no broken way to who is kept out, and leads back to where trying again begins', () => {
    const page = renderRefusal({
      ...refusal,
      code: 'sso_denied',
      again: '/.porthole/sso/start?again=1',
    }).body.toString();
    expect(page).not.toContain('<svg class="way"');
    expect(page).toContain('<a href="/.porthole/sso/start?again=1">Try again</a>');
    expect(renderRefusal({ ...refusal, code: 'ip_restricted' }).body.toString()).not.toContain('<form');
  });

  it('is JSON for who asks for JSON', () => {
    const { head, body } = renderRefusal({ ...refusal, accept: 'application/json' });
    expect(head).toContain('Content-Type: application/json');
    expect(JSON.parse(body.toString())).toEqual({
      error: { code: 'origin_refused', message: 'Nothing listens on port 3000.' },
      status: 502,
      requestId: '01abc',
      time: '2026-01-02T03:04:05.000Z',
      retryAfter: 5,
    });
  });

  it('is a line of text for everybody else', () => {
    const { head, body } = renderRefusal({ ...refusal, accept: '*/*' });
    expect(head).toContain('Content-Type: text/plain');
    expect(body.toString()).toMatch(/^The app is not running\. Nothing listens on port 3000\.\n/);
  });

  it('has no body for HEAD, but its length', () => {
    const { head, body } = renderRefusal({ ...refusal, method: 'HEAD' });
    expect(body.length).toBe(0);
    expect(head).toMatch(/Content-Length: [1-9]\d+\r\n/);
  });

  it('offers no second try where that cannot help, nor for what is not safe to repeat', () => {
    const gone = renderRefusal({ ...refusal, code: 'no_service' });
    expect(gone.head).not.toContain('Retry-After');
    expect(gone.body.toString()).not.toContain('Try again</a>');
    expect(renderRefusal({ ...refusal, method: 'POST' }).body.toString()).not.toContain('Try again</a>');
  });

  it('says when the connection ends', () => {
    expect(renderRefusal(refusal).head).not.toContain('Connection:');
    expect(renderRefusal({ ...refusal, close: true }).head).toContain('Connection: close\r\n');
  });
});

describe('what a client wants to read', () => {
  it.each([
    ['', 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['text/html', 'html'],
    ['application/json, text/plain, */*', 'json'],
    ['application/problem+json', 'json'],
    ['text/html;q=0.5, application/json;q=0.4', 'html'],
    ['text/html;q=0, application/json;q=0.1', 'json'],
    ['APPLICATION/JSON', 'json'],
  ])('%j is %s', (accept, kind) => {
    expect(preferredKind(accept)).toBe(kind);
  });
});
