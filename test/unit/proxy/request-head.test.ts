import { describe, expect, it } from 'vitest';
import { parseRequestHead, type RequestHead } from '../../../edge/proxy/request-head.ts';

const get = (fields: string, line = 'GET / HTTP/1.1') => parseRequestHead(`${line}\r\n${fields}`);
const host = 'Host: app.test\r\n';

function parsed(fields: string, line?: string): RequestHead {
  const head = get(fields, line);
  if (typeof head === 'string') throw new Error(head);
  return head;
}

describe('a request head', () => {
  it('is read into what the hop needs and what it passes on', () => {
    const head = parsed(
      `Host: App.Test:8443\r\nUser-Agent: probe/1\r\nAccept: text/html\r\nX-Own: a:b \r\nContent-Length: 5\r\n`,
      'POST /a/b?c=d HTTP/1.1',
    );
    expect(head).toMatchObject({
      method: 'POST',
      target: '/a/b?c=d',
      path: '/a/b',
      minor: 1,
      authority: 'App.Test:8443',
      host: 'app.test',
      length: 5,
      chunked: false,
      lengthGiven: true,
      close: false,
      userAgent: 'probe/1',
      accept: 'text/html',
      fields: 'User-Agent: probe/1\r\nAccept: text/html\r\nX-Own: a:b \r\n',
    });
  });

  it.each([
    ['origin-form', '/x/../y?q#'.slice(0, -1), '/x/../y?q', '/x/../y'],
    ['absolute-form', 'http://app.test/x?y', '/x?y', '/x'],
    ['absolute-form without a path', 'https://app.test', '/', '/'],
    ['absolute-form with a query only', 'http://app.test?y', '/?y', '/'],
    ['absolute-form in capitals', 'HTTP://APP.test/x', '/x', '/x'],
    ['odd but visible characters', '/a|b{c}^`"<>[]~', '/a|b{c}^`"<>[]~', '/a|b{c}^`"<>[]~'],
  ])('takes %s', (_, sent, target, path) => {
    expect(parsed(host, `GET ${sent} HTTP/1.1`)).toMatchObject({ target, path, host: 'app.test' });
  });

  it.each([
    ['OPTIONS * HTTP/1.1', '*'],
    ['OPTIONS http://app.test HTTP/1.1', '*'],
  ])('takes %s', (line, target) => {
    expect(parsed(host, line)).toMatchObject({ target, path: '*' });
  });

  it.each([
    ['no host at all', '', '', ''],
    ['a host', 'Host: APP.test.\r\n', 'APP.test.', 'app.test'],
  ])('takes HTTP/1.0 with %s and ends the connection after it', (_, fields, authority, name) => {
    expect(parsed(fields, 'GET / HTTP/1.0')).toMatchObject({ minor: 0, close: true, authority, host: name });
  });

  it.each([
    ['close', true],
    ['Close', true],
    ['keep-alive, close', true],
    ['keep-alive', false],
    [', ,keep-alive', false],
  ])('reads Connection: %s', (value, close) => {
    expect(parsed(`${host}Connection: ${value}\r\n`).close).toBe(close);
  });

  it('drops hop-by-hop fields and those that Connection names', () => {
    const head = parsed(
      `${host}Connection: X-Secret, close, Cookie\r\nX-Secret: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\n` +
        'Proxy-Authorization: y\r\nTE: trailers, deflate\r\nCookie: a=b\r\nX-Kept: 2\r\nTrailer: X-Sum\r\n',
    );
    expect(head.fields).toBe('X-Kept: 2\r\nTrailer: X-Sum\r\n');
    expect(head.wantsTrailers).toBe(true);
  });

  it.each([
    'X-Forwarded-For: 1.2.3.4',
    'x-forwarded-prefix: /evil',
    'X-FORWARDED-HOST: a',
    'X_Forwarded_For: 1.2.3.4',
    'x-forwarded_for: 1.2.3.4',
    'Forwarded: for=1.2.3.4',
    'X-Real-IP: 1.2.3.4',
    'X-Real_IP: 1.2.3.4',
    'X-Forwarded: for=1.2.3.4',
    'x_forwarded: 1.2.3.4',
    'Forwarded-For: 1.2.3.4',
    'Forwarded_For: 1.2.3.4',
    'X-Client-IP: 1.2.3.4',
    'x-client_ip: 1.2.3.4',
    'Client-IP: 1.2.3.4',
    'True-Client-IP: 1.2.3.4',
    'true_client_ip: 1.2.3.4',
    'X-Cluster-Client-IP: 1.2.3.4',
    'CF-Connecting-IP: 1.2.3.4',
    'Fastly-Client-IP: 1.2.3.4',
    'WL-Proxy-Client-IP: 1.2.3.4',
    'X-Request-Id: mine',
    'X-Porthole-User: root',
    'X_Porthole_User: root',
    'Content_Length: 5',
    'Transfer_Encoding: chunked',
  ])('drops what only this hop may say: %s', (line) => {
    expect(parsed(`${host}A: 1\r\n${line}\r\nB: 2\r\n`).fields).toBe('A: 1\r\nB: 2\r\n');
  });

  it('keeps what merely resembles such fields', () => {
    const fields = 'X-Forward: 1\r\nClient: 1\r\nX-Client: 1\r\nX-Requested-With: x\r\nMy_Field: y\r\n';
    expect(parsed(host + fields).fields).toBe(fields);
  });

  it.each([
    ['websocket', 'Connection: Upgrade\r\nUpgrade: websocket\r\n', 'websocket'],
    ['any other protocol', 'Connection: keep-alive, upgrade\r\nUpgrade: imap/4\r\n', 'imap/4'],
    ['nothing without Connection: upgrade', 'Upgrade: websocket\r\n', ''],
    ['nothing to h2c, which would pass by every rule', 'Connection: Upgrade\r\nUpgrade: h2c\r\n', ''],
    ['nothing to h2c in a list', 'Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n', ''],
    ['nothing with a body', 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n', ''],
  ])('asks for an upgrade to %s', (_, fields, upgrade) => {
    expect(parsed(host + fields).upgrade).toBe(upgrade);
  });

  it('reads chunked in any case', () => {
    expect(parsed(`${host}Transfer-Encoding: Chunked\r\n`)).toMatchObject({ chunked: true, length: -1 });
  });

  it('expects 100-continue in any case, and not from HTTP/1.0', () => {
    expect(parsed(`${host}Expect: 100-Continue\r\n`).expectsContinue).toBe(true);
    expect(parsed(`${host}Expect: 100-continue\r\n`, 'GET / HTTP/1.0').expectsContinue).toBe(false);
  });
});

describe('a request head is refused', () => {
  it.each<[string, string]>([
    ['two lengths that differ', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
    ['two lengths that agree', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
    ['a list of lengths', 'Content-Length: 5, 5\r\n'],
    ['a signed length', 'Content-Length: +5\r\n'],
    ['a negative length', 'Content-Length: -5\r\n'],
    ['a hexadecimal length', 'Content-Length: 0x5\r\n'],
    ['an empty length', 'Content-Length:\r\n'],
    ['a length with a space inside', 'Content-Length: 5 5\r\n'],
    ['a length beyond what numbers hold', 'Content-Length: 99999999999999999999\r\n'],
    ['a length with a no-break space', 'Content-Length: 5\xa0\r\n'],
    ['a fraction as length', 'Content-Length: 5.0\r\n'],
    ['CL.TE', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n'],
    ['TE.CL', 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n'],
    ['TE.TE, repeated', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
    ['TE.TE, the second unknown', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n'],
    ['TE.TE, xchunked', 'Transfer-Encoding: xchunked\r\n'],
    ['TE.TE, a list', 'Transfer-Encoding: gzip, chunked\r\n'],
    ['TE.TE, identity', 'Transfer-Encoding: identity\r\n'],
    ['TE.TE, empty', 'Transfer-Encoding:\r\n'],
    ['TE.TE, a vertical tab', 'Transfer-Encoding:\x0bchunked\r\n'],
    ['TE.TE, quotes', 'Transfer-Encoding: "chunked"\r\n'],
    ['TE.TE, a parameter', 'Transfer-Encoding: chunked;q=1\r\n'],
    ['a space before the colon', 'Transfer-Encoding : chunked\r\n'],
    ['a tab before the colon', 'Content-Length\t: 5\r\n'],
    ['a folded line', 'X-A: 1\r\n Transfer-Encoding: chunked\r\n'],
    ['a line folded with a tab', 'X-A: 1\r\n\tmore\r\n'],
    ['a bare LF between lines', 'X-A: 1\nTransfer-Encoding: chunked\r\n'],
    ['a bare CR in a value', 'X-A: 1\rTransfer-Encoding: chunked\r\n'],
    ['NUL in a value', 'X-A: 1\x00\r\n'],
    ['NUL in a name', 'X-\x00A: 1\r\n'],
    ['DEL in a value', 'X-A: \x7f\r\n'],
    ['an escape in a value', 'X-A: \x1b[31m\r\n'],
    ['an empty name', ': 1\r\n'],
    ['a name that is no token', 'X(A): 1\r\n'],
    ['a name in Latin-1', 'X-\xe9: 1\r\n'],
    ['a line without a colon', 'nonsense\r\n'],
    ['a space first', ' Transfer-Encoding: chunked\r\n'],
    ['a Connection option that is no token', 'Connection: a b\r\n'],
    ['a second Host', 'Host: other.test\r\n'],
    ['a second Host that agrees', 'Host: app.test\r\n'],
    ['a second Host of other case', 'HOST: app.test\r\n'],
    ['a last line without its CRLF', 'X-A: 1'],
  ])('for %s', (_, fields) => {
    expect(get(host + fields)).toBe('request_malformed');
  });

  it.each([
    ['no Host', ''],
    ['an empty Host', 'Host: \r\n'],
    ['a Host with a path', 'Host: app.test/x\r\n'],
    ['a Host with user info', 'Host: me@app.test\r\n'],
    ['two names in a Host', 'Host: app.test, other.test\r\n'],
    ['a Host with a space', 'Host: app.test other\r\n'],
    ['a port that is none', 'Host: app.test:http\r\n'],
    ['a port beyond all ports', 'Host: app.test:99999\r\n'],
    ['a Host of a dot only', 'Host: .\r\n'],
  ])('for %s', (_, fields) => {
    expect(get(fields)).toBe('request_malformed');
  });

  it.each([
    ['two spaces', 'GET  / HTTP/1.1'],
    ['a tab', 'GET\t/ HTTP/1.1'],
    ['a leading space', ' GET / HTTP/1.1'],
    ['a trailing space', 'GET / HTTP/1.1 '],
    ['HTTP/0.9', 'GET /'],
    ['a lower-case version', 'GET / http/1.1'],
    ['a version with text behind', 'GET / HTTP/1.1x'],
    ['a method that is no token', 'GE(T / HTTP/1.1'],
    ['a space inside the target', 'GET /a b HTTP/1.1'],
    ['a fragment', 'GET /a#b HTTP/1.1'],
    ['a control character in the target', 'GET /a\x01 HTTP/1.1'],
    ['Latin-1 in the target', 'GET /\xe9 HTTP/1.1'],
    ['a backslash in the path', 'GET /a\\..\\b HTTP/1.1'],
    ['a relative target', 'GET a HTTP/1.1'],
    ['a bare authority', 'GET app.test:80 HTTP/1.1'],
    ['an asterisk for GET', 'GET * HTTP/1.1'],
    ['another scheme', 'GET ftp://app.test/ HTTP/1.1'],
    ['user info in an absolute target', 'GET http://a@app.test/ HTTP/1.1'],
    ['an absolute target that is not the Host', 'GET http://other.test/ HTTP/1.1'],
    ['an absolute target with another port than Host', 'GET http://app.test:81/ HTTP/1.1'],
    ['an absolute target without a host', 'GET http:///x HTTP/1.1'],
    ['an empty line', ''],
  ])('for a request line with %s', (_, line) => {
    expect(get(host, line)).toBe('request_malformed');
  });

  it.each([
    ['CONNECT', 'CONNECT app.test:443 HTTP/1.1', 'method_unsupported'],
    ['TRACE', 'TRACE / HTTP/1.1', 'method_unsupported'],
    ['a method without end', `${'M'.repeat(33)} / HTTP/1.1`, 'method_unsupported'],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0', 'version_unsupported'],
    ['HTTP/1.2', 'GET / HTTP/1.2', 'version_unsupported'],
    ['a target beyond 16 KiB', `GET /${'a'.repeat(16 * 1024)} HTTP/1.1`, 'target_too_long'],
  ])('for %s, with its own code', (_, line, code) => {
    expect(get(host, line)).toBe(code);
  });

  it('for chunks in HTTP/1.0', () => {
    expect(get(`${host}Transfer-Encoding: chunked\r\n`, 'POST / HTTP/1.0')).toBe('request_malformed');
  });

  it('for an expectation that nobody knows', () => {
    expect(get(`${host}Expect: a-miracle\r\n`)).toBe('expectation_unsupported');
    expect(get(`${host}Expect: 100-continue\r\nExpect: more\r\n`)).toBe('expectation_unsupported');
  });

  it('for more than 200 fields', () => {
    expect(typeof get(host + 'A: 1\r\n'.repeat(199))).toBe('object');
    expect(get(host + 'A: 1\r\n'.repeat(200))).toBe('head_too_large');
  });
});
