import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../../edge/config.ts';
import { DEFAULT_LIMITS } from '../../../edge/limits.ts';

const parse = (line: string) => parseCommand(line.split(' ').filter((word) => word !== ''));
const refusal = (line: string): string => {
  const parsed = parse(line);
  return parsed.ok ? '' : parsed.error.failure.message;
};

describe('parseCommand', () => {
  it('fills in everything that a stand-alone edge needs', () => {
    expect(parse('--domain Example.COM. --data-dir data --workers 3')).toEqual({
      ok: true,
      value: {
        kind: 'run',
        json: false,
        config: {
          domain: 'example.com',
          listen: [{ host: '0.0.0.0', port: 443 }],
          listenHttp: [],
          dataDir: resolve('data'),
          health: { host: '127.0.0.1', port: 9090 },
          embedded: false,
          certificates: { pairs: [], folders: [], privateCa: true },
          workers: 3,
          trustedProxies: [],
          limits: DEFAULT_LIMITS,
          servicePorts: { custom: true, assigned: { first: 10_000, last: 49_151 } },
          access: { countryDatabase: undefined, crowdsec: undefined },
          providers: [],
        },
      },
    });
  });

  it('reads where it learns about addresses', () => {
    const line =
      '--domain d.test --data-dir /d --geoip-database c.mmdb --crowdsec-url http://127.0.0.1:8080 --crowdsec-key-file key';
    expect(parse(line)).toMatchObject({
      value: {
        config: {
          access: {
            countryDatabase: resolve('c.mmdb'),
            crowdsec: { url: 'http://127.0.0.1:8080', keyFile: resolve('key') },
          },
        },
      },
    });
  });

  it('reads what an embedded edge is started with', () => {
    const line =
      '--domain localhost --listen 127.0.0.1:0 --listen [::1]:0 --listen-http 127.0.0.1:0 --data-dir /d --embedded --json';
    expect(parse(line)).toMatchObject({
      value: {
        json: true,
        config: {
          listen: [
            { host: '127.0.0.1', port: 0 },
            { host: '::1', port: 0 },
          ],
          listenHttp: [{ host: '127.0.0.1', port: 0 }],
          health: { host: '127.0.0.1', port: 0 },
          embedded: true,
        },
      },
    });
  });

  it('reads the limits of connections', () => {
    const line = '--domain a.b --data-dir /d --max-connections 10 --max-connections-per-address 2';
    expect(parse(line)).toMatchObject({ value: { config: { limits: { connections: 10, connectionsPerAddress: 2 } } } });
  });

  it('takes the bounds and ports of TCP, TLS and UDP services, and the proxies to be believed', () => {
    const line =
      '--domain example.com --data-dir /d --max-connections-per-service 7 --max-sessions-per-service 8 ' +
      '--new-sessions-per-second 9 --assigned-ports 20000-20009 --no-custom-ports --trusted-proxy 10.1.2.3/8';
    expect(parse(line)).toMatchObject({
      value: {
        config: {
          limits: { connectionsPerService: 7, udpSessionsPerService: 8, udpNewSessionsPerSecond: 9 },
          servicePorts: { custom: false, assigned: { first: 20_000, last: 20_009 } },
          trustedProxies: [{ text: '10.0.0.0/8' }],
        },
      },
    });
  });

  it.each([
    '--max-connections-per-service 0',
    '--new-sessions-per-second x',
    '--assigned-ports 80-90',
    '--assigned-ports 20000-20005',
    '--assigned-ports 20000',
    '--trusted-proxy proxy.example.com',
    '--trusted-proxy 10.0.0.0/33',
    '--crowdsec-url http://127.0.0.1:8080',
    '--crowdsec-key-file key',
    '--crowdsec-url http://user@127.0.0.1 --crowdsec-key-file key',
    '--crowdsec-url ftp://127.0.0.1 --crowdsec-key-file key',
  ])('refuses %s', (flag) => {
    expect(parse(`--domain example.com --data-dir /d ${flag}`).ok).toBe(false);
  });

  it('pairs certificates with their keys in order, and leaves the private CA out unless asked for it', () => {
    const line = '--domain a.b --data-dir /d --cert 1.crt --key 1.key --cert /2.crt --key /2.key --cert-dir more';
    const sources = {
      pairs: [
        { cert: resolve('1.crt'), key: resolve('1.key') },
        { cert: resolve('/2.crt'), key: resolve('/2.key') },
      ],
      folders: [resolve('more')],
      privateCa: false,
    };
    expect(parse(line)).toMatchObject({ value: { config: { certificates: sources } } });
    for (const more of ['--private-ca', '--embedded'])
      expect(parse(`${line} ${more}`)).toMatchObject({
        value: { config: { certificates: { ...sources, privateCa: true } } },
      });
  });

  it('reads token create with its lifetime', () => {
    expect(parse('token create --data-dir /d --expires 15m --json')).toEqual({
      ok: true,
      value: { kind: 'token', dataDir: resolve('/d'), lifetime: 900_000, json: true },
    });
    expect(parse('token create --data-dir /d')).toMatchObject({ value: { lifetime: 3_600_000 } });
  });

  it('shows help whatever else is said', () => {
    expect(parse('--help --domain')).toMatchObject({ ok: false });
    expect(parse('-h')).toMatchObject({ value: { kind: 'help' } });
    expect(parse('token create --help')).toMatchObject({ value: { kind: 'help' } });
  });

  it.each([
    ['', '--domain is missing'],
    ['--domain a.b --data-dir /d --cert x.crt', 'Each --cert goes with one --key; there are 1 and 0'],
    ['--domain a.b --data-dir /d --key x.key', 'there are 0 and 1'],
    ['--domain a.b --data-dir /d --cert-dir=', 'the name of a file or folder'],
    ['--domain a.b', '--data-dir is missing'],
    ['--domain a_b.c --data-dir /d', '"a_b" is not a label'],
    ['--domain 192.0.2.1 --data-dir /d', 'it is an IP address'],
    ['--domain a.b --data-dir /d --listen nonsense', '"nonsense" is not ADDRESS:PORT'],
    ['--domain a.b --data-dir /d --listen 0.0.0.0:70000', '"0.0.0.0:70000" is not ADDRESS:PORT'],
    ['--domain a.b --data-dir /d --listen ::1:443', '"::1:443" is not ADDRESS:PORT'],
    ['--domain a.b --data-dir /d --health 1', '"1" is not ADDRESS:PORT'],
    ['--domain a.b --data-dir /d --verbose', "Unknown option '--verbose'."],
    ['--domain a.b --data-dir /d --domain', "Option '--domain <value>' argument missing."],
    ['--domain a.b --data-dir /d --embedded=yes', "Option '--embedded' does not take an argument."],
    ['--domain a.b --data-dir /d --max-connections 0', 'from 1 to 1000000'],
    ['--domain a.b --data-dir /d --max-connections many', 'from 1 to 1000000'],
    ['--domain a.b --data-dir /d --listen-http 127.0.0.1:80 --embedded', 'a.b is not one'],
    ['--domain localhost --data-dir /d --listen-http 0.0.0.0:80 --embedded', 'not 0.0.0.0'],
    ['--domain localhost --data-dir /d --listen-http :80 --embedded', 'not 0.0.0.0'],
    ['--domain localhost --data-dir /d --listen-http evil.example:80 --embedded', 'not evil.example'],
    ['--domain a.b --data-dir /d --expires 1h', 'goes with "token create" only'],
    ['start --domain a.b --data-dir /d', 'There is no command "start"'],
    ['token', 'There is no command "token"'],
    ['token create', '--data-dir is missing'],
    ['token create --data-dir /d --domain a.b', '--domain does not go with "token create"'],
    ['--domain a.b --data-dir /d --address a.b', 'goes with "token create" only'],
    ['token create --data-dir /d --address a;b', '--address takes HOST or HOST:PORT'],
    ['token create --data-dir /d --address https://a.b', '--address takes HOST or HOST:PORT'],
    ['token create --data-dir /d --expires soon', '--expires takes a time'],
    ['token create --data-dir /d --expires 400d', '--expires takes a time'],
    ['token create --data-dir /d --expires 0m', '--expires takes a time'],
  ])('refuses "%s"', (line, sentence) => {
    expect(refusal(line)).toContain(sentence);
  });

  it('keeps the form of the answer that was asked for when the rest is wrong', () => {
    expect(parse('--json --bogus')).toMatchObject({ ok: false, error: { json: true } });
  });
});
