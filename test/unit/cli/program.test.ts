import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { findService } from '../../../main/cli/commands/services.ts';
import { ago, parseDuration } from '../../../main/cli/duration.ts';
import { exitOf } from '../../../main/cli/exit.ts';
import { runCli } from '../../../main/cli/program.ts';
import { createTerminal, printable, table } from '../../../main/cli/terminal.ts';
import { asMet, requestLine } from '../../../main/cli/words.ts';
import type { ServiceView } from '../../../shared/contract/control-api.ts';
import { failure } from '../../../shared/domain/failure.ts';

function sink(isTTY = false) {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  return Object.assign(stream, { isTTY, read: () => text, text: () => text });
}

async function run(...argv: string[]) {
  const out = sink();
  const err = sink();
  const code = await runCli(argv, {
    terminal: createTerminal(out, err, {}),
    env: { PORTHOLE_HOME: '/nowhere/at/all' },
    version: '1.2.3',
    edge: undefined,
    json: false,
    signal: new AbortController().signal,
  });
  return { code, out: out.text(), err: err.text() };
}

describe('the command line', () => {
  it('shows its version and help on standard output', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
    for (const command of [
      [],
      ['expose'],
      ['services'],
      ['services', 'add'],
      ['services', 'add-target'],
      ['services', 'set'],
      ['services', 'show'],
      ['services', 'sign-out'],
      ['share'],
      ['shares'],
      ['services', 'allow'],
      ['up'],
      ['status'],
      ['logs'],
      ['join'],
      ['trust'],
    ]) {
      const help = await run(...command, '--help');
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toMatch(/Examples?:\n {2}porthole|Examples?:\n {2}PORTHOLE/);
    }
  });

  it('is told to be wrong on standard error, with exit code 2', async () => {
    const bare = await run();
    expect(bare).toMatchObject({ code: 2, out: '' });
    const flag = await run('expose', '3000', '--colour');
    expect(flag).toMatchObject({ code: 2, out: '' });
    expect(flag.err).toMatch(/^Error: Unknown option '--colour'/);
    const json = await run('expose', '3000', '--protocol', 'sctp', '--json');
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'input_invalid' } });
  });

  it.each([
    ['an argument that does not parse', ['services', 'add', 'abc', '--json'], /^Command-argument value 'abc'/],
    ['a missing argument', ['expose', '--json'], /^Missing required argument 'port'/],
    ['an address without a token', ['join', 'https://edge.test', '--json'], /^--token is missing/],
    ['a join link that is cut off', ['join', 'porthole://join/edge.test', '--json'], /^This is not a join link/],
    [
      'a join link and a token',
      ['join', 'porthole://join/edge.test?token=x', '--token', 'x', '--json'],
      /^A join link/,
    ],
    ['an unknown command', ['statsu', '--json'], /^Unknown command 'statsu'/],
  ])('tells machines of %s in one JSON object', async (_, argv, message) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({ error: { code: 'input_invalid', message: expect.stringMatching(message) } });
    expect(err).toMatch(/^Error: /);
  });
});

describe('services set', () => {
  it.each([
    [['shop']],
    [['shop', '--target', '/api']],
    [['shop', '--protocol', 'tcp']],
    [['shop', '--header', 'no colon']],
    [['shop', '--port', 'x']],
    [['shop', '--colour']],
    [[]],
  ])('refuses %j before it looks for Porthole', async (flags) => {
    expect(await run('services', 'set', ...flags)).toMatchObject({ code: 2, out: '' });
  });
});

describe('exit codes', () => {
  it.each([
    [failure('port_invalid', { port: 0 }), 2],
    [failure('token_invalid', { reason: 'x' }), 2],
    [failure('input_invalid', { reason: 'x' }, 'url'), 2],
    [failure('input_invalid', { reason: 'x' }), 1],
    [failure('domain_taken'), 1],
    [failure('home_in_use'), 1],
  ])('%j is %i', (error, code) => expect(exitOf(error)).toBe(code));
});

describe('finding a service', () => {
  const service = (id: string, domain: string, name: string) => ({ id, domain, name }) as ServiceView;
  const services = [
    service('1', 'shop.localhost', 'Shop'),
    service('2', 'api.localhost', 'shop'),
    service('3', 'b.localhost', 'Twin'),
    service('4', 'c.localhost', 'twin'),
  ];

  it.each([
    ['1', '1'],
    ['shop', '1'],
    ['SHOP.localhost.', '1'],
    ['api', '2'],
    ['b.localhost', '3'],
  ])('takes %s for service %s', (text, id) => {
    expect(findService(services, text)).toMatchObject({ ok: true, value: { id } });
  });

  it('refuses what means none or several', () => {
    expect(findService(services, 'nobody')).toMatchObject({ error: { code: 'service_not_found' } });
    expect(findService(services, 'Twin')).toMatchObject({ error: { code: 'service_ambiguous' } });
  });
});

describe('the terminal', () => {
  it('colours only where a person sees it', () => {
    const styled = (tty: boolean, env: Record<string, string>) =>
      createTerminal(sink(tty), sink(), env).style('red', 'x');
    expect(styled(true, {})).toBe('\x1b[31mx\x1b[39m');
    for (const plain of [styled(false, {}), styled(true, { NO_COLOR: '1' }), styled(true, { TERM: 'dumb' })])
      expect(plain).toBe('x');
    expect(styled(true, { NO_COLOR: '' })).not.toBe('x');
  });

  it('aligns columns by what is seen', () => {
    expect(
      table(
        ['A', 'LONG', 'C'],
        [
          ['\x1b[31mred\x1b[39m', 'b', 'c'],
          ['x', 'y', ''],
        ],
      ),
    ).toEqual(['A    LONG  C', '\x1b[31mred\x1b[39m  b     c', 'x    y']);
    expect(table(['A'], [])).toEqual([]);
  });

  const HOSTILE = 'a\x1b[2J\x7f\x9b2J\u2028\u2029\u202e\u2066\u200f\u061c';

  it('gets JSON in which nothing that a visitor sent acts on it', () => {
    const out = sink();
    createTerminal(out, sink(), {}).printJson({ userAgent: HOSTILE, city: 'Köln 東京 👋' });
    expect(out.text()).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200e\u200f\u061c]/);
    expect(out.text()).toContain('\\u007f\\u009b2J\\u2028\\u2029\\u202e\\u2066');
    expect(out.text()).toContain('Köln 東京 👋');
    expect(JSON.parse(out.text())).toEqual({ userAgent: HOSTILE, city: 'Köln 東京 👋' });
  });

  it('gets no text that changes the direction or the lines of others', () => {
    expect(printable(HOSTILE)).toBe('a\\x1b[2J\\x7f\\x9b2J\\u2028\\u2029\\u202e\\u2066\\u200f\\u061c');
    expect(printable('Köln 東京 👋')).toBe('Köln 東京 👋');
  });

  it('lets no visitor write to it', () => {
    expect(printable('a\x1b[2Jb\r\n\x9b')).toBe('a\\x1b[2Jb\\x0d\\x0a\\x9b');
    const record = {
      id: 'r',
      time: 0,
      kind: 'request',
      nodeId: 'n',
      protocol: 'http/1.1',
      secure: false,
      method: 'GET',
      host: 'h',
      path: '/\x1b]0;x\x07',
      status: 502,
      duration: 12.4,
      bytesUp: 0,
      bytesDown: 0,
      address: '::1',
      failure: 'origin_refused',
    } as const;
    const line = requestLine(createTerminal(sink(), sink(), {}), record);
    expect(line).toMatch(/^\d\d:\d\d:\d\d {2}502 {3}GET {4}\/\\x1b\]0;x\\x07 {2}12 ms {2}::1 {2}origin_refused$/);
    expect(requestLine(createTerminal(sink(), sink(), {}), record, true)).toContain('GET    h/\\x1b]0;x');
  });
});

describe('a service as visitors meet it', () => {
  const service = (status: ServiceView['status'], statusReason?: string): ServiceView => ({
    id: 's',
    name: 'shop',
    mode: 'http',
    domain: 'shop.localhost',
    targets: [],
    enabled: status !== 'disabled',
    passHostHeader: false,
    source: 'permanent',
    ownerId: 'a',
    createdAt: 0,
    urls: { https: 'https://shop.localhost' },
    status,
    ...(statusReason === undefined ? {} : { statusReason }),
  });

  it("has the edge's word while there is a link to it", () => {
    expect(asMet(service('error', 'Nothing listens.'), true)).toEqual(service('error', 'Nothing listens.'));
    expect(asMet(service('active'), true)).toEqual(service('active'));
  });

  it('is not connected without one, unless it is off', () => {
    expect(asMet(service('active'), false)).toEqual(service('tunnel_not_created'));
    expect(asMet(service('error', 'Nothing listens.'), false)).toEqual(service('tunnel_not_created'));
    expect(asMet(service('disabled'), false)).toEqual(service('disabled'));
  });
});

describe('times', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['24d', 2_073_600_000],
    ['25d', undefined],
    ['0s', undefined],
    ['1.5h', undefined],
    ['-1h', undefined],
    ['', undefined],
  ])('%s is %s ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it('are told as people say them', () => {
    const now = Date.UTC(2026, 0, 10);
    expect([1_000, 30_000, 300_000, 7_200_000, 172_800_000].map((passed) => ago(now - passed, now))).toEqual([
      'just now',
      '30 s ago',
      '5 min ago',
      '2 h ago',
      '2026-01-08',
    ]);
  });
});
