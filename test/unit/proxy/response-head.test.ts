import { describe, expect, it } from 'vitest';
import { parseResponseHead } from '../../../edge/proxy/response-head.ts';

const parse = (fields: string, line = 'HTTP/1.1 200 OK') => parseResponseHead(`${line}\r\n${fields}`);

describe('a response head', () => {
  it('is read into its framing and what is passed on', () => {
    expect(
      parse(
        'Content-Type: text/plain\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 7\r\n',
      ),
    ).toEqual({
      status: 200,
      statusText: '200 OK',
      length: 7,
      chunked: false,
      close: false,
      keepAlive: 5,
      upgrade: '',
      recurs: false,
      fields: 'Content-Type: text/plain\r\n',
    });
  });

  it('keeps fields that only a visitor may not send', () => {
    expect(parse('X-Request-Id: a\r\nX-Forwarded-For: b\r\nServer_Name: c\r\n')?.fields).toBe(
      'X-Request-Id: a\r\nX-Forwarded-For: b\r\nServer_Name: c\r\n',
    );
  });

  it.each([
    ['HTTP/1.1 404 Not Found', '404 Not Found'],
    ['HTTP/1.1 200 ', '200 '],
    ['HTTP/1.1 200', '200 '],
    ['HTTP/1.0 200 \xfcber', '200 \xfcber'],
  ])('takes %j', (line, statusText) => {
    expect(parse('', line)?.statusText).toBe(statusText);
  });

  it.each([
    ['HTTP/1.0 200 OK', '', true],
    ['HTTP/1.0 200 OK', 'Connection: keep-alive\r\n', true],
    ['HTTP/1.1 200 OK', 'Connection: close\r\n', true],
    ['HTTP/1.1 200 OK', '', false],
  ])('%s with %j ends the connection: %s', (line, fields, close) => {
    expect(parse(fields, line)?.close).toBe(close);
  });

  it.each([
    ['timeout=5', 5],
    ['max=3, timeout=15', 15],
    ['max=3', -1],
    ['timeout=soon', -1],
  ])('reads Keep-Alive: %s', (value, seconds) => {
    expect(parse(`Keep-Alive: ${value}\r\n`)?.keepAlive).toBe(seconds);
  });

  it.each([
    'HTTP/2 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 600 Odd',
    'HTTP/1.1 099 Odd',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200 O\x00K',
    'ICY 200 OK',
    'SSH-2.0-OpenSSH_9.7',
    '',
  ])('is refused: %j', (line) => {
    expect(parse('', line)).toBeUndefined();
  });

  it.each([
    'Content-Length: 1\r\nContent-Length: 1\r\n',
    'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
    'Content-Length: one\r\n',
    'X-A: 1\r\n folded\r\n',
    'X-A: 1\nX-B: 2\r\n',
    'X-A : 1\r\n',
  ])('is refused with %j', (fields) => {
    expect(parse(fields)).toBeUndefined();
  });

  it('is refused when HTTP/1.0 sends chunks', () => {
    expect(parse('Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK')).toBeUndefined();
  });
});
