import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { dnsNamesOf, wildcardOf } from '../../../edge/certificates/dns-names.ts';
import { parseKeyPair } from '../../../edge/certificates/key-pair.ts';
import { must } from '../../compliance/data.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { OpensslAuthority } from '../../support/openssl.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const authority = new OpensslAuthority(folder.path);
const good = authority.issue({ names: ['DNS:example.com'] });
const other = authority.issue({ names: ['DNS:example.com'] });
const blocks = good.cert.split(/(?=-----BEGIN)/);
const leafPem = blocks[0] ?? '';
const pinOf = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

describe('the names of a certificate', () => {
  const namesOf = (...names: string[]) => dnsNamesOf(new X509Certificate(authority.issue({ names }).cert));

  it.each<[string, string[], string[]]>([
    ['are its DNS names, lower-case', ['DNS:Example.COM', 'DNS:*.Example.com'], ['example.com', '*.example.com']],
    ['keep A-labels as they are', ['DNS:xn--bcher-kva.example'], ['xn--bcher-kva.example']],
    [
      'leave out addresses, mail and URIs',
      ['IP:127.0.0.1', 'IP:::1', 'email:a@b.example', 'URI:http://c.example/', 'DNS:d.example'],
      ['d.example'],
    ],
    [
      'leave out wildcards that RFC 9525 has no place for',
      ['DNS:f*.example', 'DNS:a.*.example', 'DNS:*', 'DNS:*.*.example', 'DNS:ok.example'],
      ['ok.example'],
    ],
    [
      'leave out what is no hostname',
      ['DNS:_dmarc.example', 'DNS:10.0.0.1', 'DNS:-a.example', 'DNS:ok.example'],
      ['ok.example'],
    ],
    ['are told once each', ['DNS:a.example', 'DNS:A.example'], ['a.example']],
  ])('%s', (_, names, expected) => {
    expect(namesOf(...names)).toEqual(expected);
  });

  it('are not read out of another name that quotes them', () => {
    const subjectAltName = 'URI:"http://x/, DNS:evil.example", DirName:"CN=a\\u002c DNS:evil.example", DNS:ok.example';
    expect(dnsNamesOf({ subjectAltName })).toEqual(['ok.example']);
    expect(dnsNamesOf({ subjectAltName: undefined })).toEqual([]);
  });
});

describe('the wildcard above a name', () => {
  it.each([
    ['app.example.com', '*.example.com'],
    ['a.b.example.com', '*.b.example.com'],
    ['xn--bcher-kva.example', '*.example'],
    ['localhost', undefined],
    ['.example', undefined],
    ['a.', undefined],
    ['', undefined],
  ])('%s: %s', (name, wildcard) => {
    expect(wildcardOf(name)).toBe(wildcard);
  });
});

describe('a pair', () => {
  it('is read with its names, its time and the pin of the authority that comes with it', () => {
    const pair = must(parseKeyPair(good.cert, good.key));
    expect(pair.names).toEqual(['example.com']);
    expect(pair.notAfter - pair.notBefore).toBe(90 * 86_400_000);
    expect(pair.pin).toBe(pinOf(authority.issuerPem));
  });

  it('is pinned by its leaf when no authority of it comes along', () => {
    expect(must(parseKeyPair(leafPem, good.key)).pin).toBe(pinOf(leafPem));
    expect(must(parseKeyPair(leafPem + authority.rootPem, good.key)).pin).toBe(pinOf(leafPem));
  });

  it('may be one file, with notes between the blocks', () => {
    const text = `subject=example\n${good.key}\nissuer=test\r\n${good.cert}`;
    expect(parseKeyPair(text, text).ok).toBe(true);
  });

  it('may have an RSA key, or EC parameters before the key', () => {
    const rsa = authority.issue({ names: ['DNS:r.example'], newkey: ['rsa:2048'] });
    expect(parseKeyPair(rsa.cert, rsa.key).ok).toBe(true);
    const parameters = execFileSync('openssl', ['ecparam', '-name', 'prime256v1']).toString();
    expect(parseKeyPair(good.cert, parameters + good.key).ok).toBe(true);
  });

  const encrypted = (): string =>
    execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:x'], { input: good.key }).toString();
  const weak = authority.issue({ names: ['DNS:w.example'], newkey: ['rsa:1024'] });

  it.each<[string, string, string, string]>([
    ['the key of another certificate', good.cert, other.key, 'its key belongs to another certificate'],
    ['a chain before its leaf', authority.issuerPem + leafPem, good.key, 'its key belongs to another certificate'],
    ['no certificate', 'hello', good.key, 'it holds no certificate in PEM'],
    ['an empty file', '', good.key, 'it holds no certificate in PEM'],
    ['a certificate cut in the leaf', good.cert.slice(0, 300), good.key, 'it is cut off or damaged'],
    ['a certificate cut in the chain', good.cert.slice(0, -60), good.key, 'it is cut off or damaged'],
    [
      'a block that is no certificate',
      leafPem.replace(/\n[A-Za-z0-9+/]{64}/, '\nAAAA'),
      good.key,
      'it is cut off or damaged',
    ],
    ['no key', good.cert, good.cert, 'its key holds no private key in PEM'],
    ['a key cut off', good.cert, good.key.slice(0, 100), 'its key holds no private key in PEM'],
    ['an encrypted key', good.cert, encrypted(), 'its key is encrypted with a passphrase'],
    ['a key that TLS finds too weak', weak.cert, weak.key, 'TLS refuses it'],
    ['a bundle of authorities', leafPem + authority.rootPem.repeat(20), good.key, 'more than 20 certificates'],
  ])('is refused with %s', (_, cert, key, reason) => {
    const parsed = parseKeyPair(cert, key);
    expect(parsed.ok ? '' : parsed.error).toContain(reason);
  });

  it('is refused when it names no domain, whatever its common name', () => {
    for (const names of [[], ['IP:127.0.0.1']]) {
      const nameless = authority.issue({ names });
      const parsed = parseKeyPair(nameless.cert, nameless.key);
      expect(parsed.ok ? '' : parsed.error).toContain('it names no domain');
    }
  });
});
