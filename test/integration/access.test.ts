/** From where visitors may come, in every mode: through the command line, real sockets and the access log. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { startCli, temporaryHome } from '../support/cli.ts';
import { countryFile } from '../support/country-file.ts';
import { CrowdsecStandIn } from '../support/crowdsec.ts';
import {
  echo,
  type Live,
  listening,
  type Origin,
  run,
  tcpOrigin,
  type UdpOrigin,
  UdpVisitor,
  Up,
  udpOrigin,
} from '../support/direct.ts';
import { EdgeProcess } from '../support/edge-process.ts';
import { temporaryFolder } from '../support/folder.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** Visitors, by their own addresses. */
const GERMAN = '127.0.7.1';
const FRENCH = '127.0.8.1';
const NOWHERE = '127.0.9.1';
const BANNED = '127.0.7.66';
const CAPTCHA = '127.0.7.67';

const life = new AsyncDisposableStack();
let crowdsec: CrowdsecStandIn;
let edge: EdgeProcess;
let up: Up;
let countries: string;
const origins: { http: Origin; tcp: Origin; tls: Origin; udp: UdpOrigin } = Object.create(null);
/** Visitors of whom the origins have heard: the agent's own look at its target says nothing. */
const seen = { http: 0, tcp: 0, tls: 0, udp: 0 };
const services: Record<Mode, Live> = Object.create(null);
/** Another UDP service of the same origin, which lets everybody in. */
let open: Live;
type Mode = keyof typeof seen;
const MODES: readonly Mode[] = ['http', 'tcp', 'tls', 'udp'];

beforeAll(async () => {
  const folder = life.use(temporaryFolder());
  countries = join(folder.path, 'countries.mmdb');
  writeFileSync(countries, countryFile({ '127.0.7.0/24': 'DE', '127.0.8.0/24': 'FR' }));
  crowdsec = await CrowdsecStandIn.start();
  // It answers later: what is enforced until then lets nobody in.
  crowdsec.odd = { status: 503, body: '' };
  writeFileSync(join(folder.path, 'key'), crowdsec.key, { mode: 0o600 });
  const flags = ['--geoip-database', countries, '--crowdsec-url', crowdsec.url];
  edge = life.use(new EdgeProcess('edge.test', [...flags, '--crowdsec-key-file', join(folder.path, 'key')]));
  await edge.start();
  const home = temporaryHome();
  const url = `https://127.0.0.1:${edge.ready.httpsPort}`;
  const joined = await run(home, 'join', url, '--token', await edge.token(), '--fingerprint', edge.ready.fingerprint);
  if (joined.code !== 0) throw new Error(joined.err);
  up = life.use(await Up.start(home));
  await startOrigins();
  services.http = await up.add(origins.http.port, ['--name', 'page']);
  for (const mode of ['tcp', 'tls', 'udp'] as const)
    services[mode] = await up.add(origins[mode].port, [
      '--protocol',
      mode,
      '--name',
      mode,
      // A session of datagrams is in the log when it is over.
      ...(mode === 'udp' ? ['--idle-timeout', '2s'] : []),
    ]);
  open = await up.add(origins.udp.port, ['--protocol', 'udp', '--name', 'open', '--idle-timeout', '2s']);
});
afterAll(async () => {
  await life.disposeAsync();
  await crowdsec.stop();
});

async function startOrigins(): Promise<void> {
  const connected = new Set<Socket>();
  const page = http.createServer((_, response) => void response.end(`${++seen.http}`));
  page.on('connection', (socket: Socket) => connected.add(socket.on('error', () => {})));
  page.on('upgrade', (_, socket: Socket) => {
    seen.http++;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    echo(socket);
  });
  origins.http = life.use(await listening(page, connected));
  origins.tcp = life.use(
    await tcpOrigin((socket) => {
      socket.once('data', () => seen.tcp++);
      echo(socket);
    }),
  );
  const sealed = createTlsServer(selfSigned(), (socket) => void socket.on('error', () => {}).pipe(socket));
  origins.tls = life.use(
    await tcpOrigin((socket) => {
      socket.once('data', (hello: Buffer) => {
        seen.tls++;
        socket.pause().unshift(hello);
        sealed.emit('connection', socket);
      });
    }),
  );
  // What is sent again may arrive when its visitor has long gone.
  const words = new Set<string>();
  origins.udp = life.use(
    await udpOrigin((message, reply) => {
      const word = message.toString();
      if (word.startsWith('word')) words.add(word);
      seen.udp = words.size;
      reply(message);
    }),
  );
}

let spoken = 0;
/** What nobody has said before. */
const newWord = (): string => `word ${++spoken};`;

/** A visitor with something open. */
interface Visitor {
  /** Whether what it sends comes back. */
  echoes(): Promise<boolean>;
  /** Whether it was ended. UDP knows no end. */
  readonly ended: boolean;
  close(): void;
}

class StreamVisitor implements Visitor {
  readonly #socket: Socket;
  heard = '';
  #change = (): void => {};
  ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (piece: string) => {
      this.heard += piece;
      this.#change();
    });
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.ended = true;
        this.#change();
      });
  }

  async echoes(): Promise<boolean> {
    const word = newWord();
    this.#socket.write(word);
    return this.until((heard) => heard.includes(word));
  }

  async until(fits: (heard: string) => boolean): Promise<boolean> {
    while (!this.ended && !fits(this.heard))
      await new Promise<void>((resolve) => {
        this.#change = resolve;
      });
    return fits(this.heard);
  }

  close(): void {
    this.ended = true;
    this.#socket.destroy();
  }
}

class DatagramVisitor implements Visitor {
  readonly #socket: UdpSocket;
  readonly ended = false;
  readonly #heard = new Set<string>();

  constructor(socket: UdpSocket) {
    this.#socket = socket;
    socket.on('message', (message) => this.#heard.add(message.toString())).on('error', () => {});
  }

  async echoes(): Promise<boolean> {
    const word = newWord();
    // One may get lost. What never comes back, while what others said afterwards does, is refused.
    for (let round = 0; round < 10 && !this.#heard.has(word); round++) {
      this.#socket.send(word);
      const late = AbortSignal.timeout(50);
      await once(this.#socket, 'message', { signal: late }).catch(() => {});
      if (!this.#heard.has(word)) await anotherIsServed();
    }
    return this.#heard.has(word);
  }

  close(): void {
    this.#socket.close();
  }
}

/** Resolves once a new visitor of the UDP service that is open to all has had an answer. */
async function anotherIsServed(): Promise<void> {
  await using other = await UdpVisitor.to(open.port);
  const again = setInterval(() => other.send(Buffer.from('well?')), 200);
  other.send(Buffer.from('well?'));
  await other.next();
  clearInterval(again);
}

async function visit(mode: Mode, from: string): Promise<Visitor> {
  const { port, domain } = services[mode];
  if (mode === 'udp') {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, from, resolve));
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new DatagramVisitor(socket);
  }
  const raw = connect({ host: '127.0.0.1', port: mode === 'tcp' ? port : edge.ready.httpsPort, localAddress: from });
  if (mode === 'tcp') return new StreamVisitor(raw);
  raw.on('error', () => {});
  const socket = tlsConnect({ socket: raw, servername: domain, rejectUnauthorized: false });
  const visitor = new StreamVisitor(socket);
  if (mode === 'tls') return visitor;
  socket.write(`GET /ws HTTP/1.1\r\nHost: ${domain}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  if (!(await visitor.until((heard) => heard.includes('\r\n\r\n'))) || !visitor.heard.startsWith('HTTP/1.1 101'))
    visitor.close();
  return visitor;
}

/** Whether a visitor of now gets through. */
async function gets(mode: Mode, from: string): Promise<boolean> {
  const before = seen[mode];
  const visitor = await visit(mode, from);
  const through = await visitor.echoes();
  visitor.close();
  // Whoever is turned away has not come near the origin.
  expect(seen[mode] > before).toBe(through);
  return through;
}

async function page(from: string): Promise<{ readonly status: number; readonly body: string }> {
  const { domain } = services.http;
  const request = https.request({
    host: '127.0.0.1',
    port: edge.ready.httpsPort,
    servername: domain,
    headers: { host: domain, accept: 'application/json' },
    rejectUnauthorized: false,
    localAddress: from,
    agent: false,
  });
  // The edge may reset the connection when the answer is through; until then `once` and the body tell of errors.
  request.on('error', () => {}).end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response) };
}

async function set(mode: Mode, ...flags: string[]): Promise<void> {
  const changed = await run(up.home, 'services', 'set', services[mode].id, '--no-restrictions', ...flags, '--json');
  if (changed.code !== 0) throw new Error(`${changed.out}${changed.err}`);
}

interface Line {
  readonly address: string;
  readonly failure?: string;
  readonly country?: string;
  readonly observed?: string;
}

/** The newest line of the access log about `from`, once it is there and `fits`. */
async function logged(mode: Mode, from: string, fits: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const { out } = await run(up.home, 'logs', '--service', services[mode].id, '--limit', '50', '--json');
    const lines = out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
    const found = lines.find((line) => line.address === from && fits(line));
    if (found !== undefined) return found;
  }
}

describe.each(MODES)('a service of %s', (mode) => {
  it('lets in by network', async () => {
    await set(mode, '--allow-cidr', '127.0.7.0/24', '--block-cidr', `${BANNED}/32`);
    expect(await gets(mode, GERMAN)).toBe(true);
    expect(await gets(mode, FRENCH)).toBe(false);
    expect(await gets(mode, BANNED)).toBe(false);
    await logged(mode, FRENCH, ({ failure }) => failure === 'ip_restricted');
  });

  it('lets in by country, and by either where that is enough', async () => {
    await set(mode, '--allow-country', 'FR');
    expect(await gets(mode, FRENCH)).toBe(true);
    expect(await gets(mode, GERMAN)).toBe(false);
    expect(await gets(mode, NOWHERE)).toBe(false);
    expect(await logged(mode, GERMAN, ({ failure }) => failure === 'country_restricted')).toMatchObject({
      country: 'DE',
    });
    await set(mode, '--allow-country', 'FR', '--allow-cidr', `${NOWHERE}/32`, '--allow-match', 'any');
    expect(await gets(mode, NOWHERE)).toBe(true);
    await set(mode, '--block-country', 'FR');
    expect(await gets(mode, FRENCH)).toBe(false);
    expect(await gets(mode, NOWHERE)).toBe(true);
  });

  it('ends what no longer fits when the rules change, and nothing else', async () => {
    await set(mode);
    const german = await visit(mode, GERMAN);
    const french = await visit(mode, FRENCH);
    const both = [await german.echoes(), await french.echoes()];
    expect(both).toEqual([true, true]);
    await set(mode, '--block-country', 'FR');
    expect([await german.echoes(), await french.echoes()]).toEqual([true, false]);
    await set(mode, '--block-country', 'FR', '--block-cidr', '127.0.9.0/24');
    expect(await german.echoes()).toBe(true);
    await set(mode, '--block-cidr', '127.0.7.0/24');
    expect(await german.echoes()).toBe(false);
    expect([german.ended, french.ended]).toEqual(mode === 'udp' ? [false, false] : [true, true]);
    german.close();
    french.close();
    await set(mode);
    expect(await gets(mode, FRENCH)).toBe(true);
  });
});

it('answers denied requests with a short 403, whatever else stands before them', async () => {
  await set('http', '--block-cidr', `${GERMAN}/32`, '--pin', '042917');
  const denied = await page(GERMAN);
  expect(denied.status).toBe(403);
  expect(JSON.parse(denied.body)).toMatchObject({ error: { code: 'ip_restricted' } });
  expect((await page(FRENCH)).status).toBe(401);
  await set('http', '--no-pin');
  expect((await page(FRENCH)).status).toBe(200);
});

it('says what restricts a service, an exposed one too', async () => {
  await using exposure = startCli(up.home, ['expose', String(origins.http.port), '--json']);
  const { name: id, domain } = (await exposure.line()) as { readonly name: string; readonly domain: string };
  const changed = await run(up.home, 'services', 'set', id, '--allow-cidr', '127.0.8.0/24', '--json');
  expect(JSON.parse(changed.out)).toMatchObject({ restrictions: { allowCidrs: ['127.0.8.0/24'] } });
  const wrong = await run(up.home, 'services', 'set', id, '--allow-cidr', '127.0.8.1/24', '--json');
  expect(wrong.out).toContain('127.0.8.0/24');
  const listed = await run(up.home, 'services', '--json');
  const all = listed.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly name: string });
  expect(all.find((one) => one.name === id)).toMatchObject({ restrictions: { allowCidrs: ['127.0.8.0/24'] } });
  const before = services.http;
  services.http = { ...before, domain };
  expect([(await page(GERMAN)).status, (await page(FRENCH)).status]).toEqual([403, 200]);
  services.http = before;
});

it('reads another country database while it runs, and denies by the last good one', async () => {
  await set('tcp', '--allow-country', 'FR');
  expect(await gets('tcp', GERMAN)).toBe(false);
  writeFileSync(`${countries}.new`, countryFile({ '127.0.7.0/24': 'FR' }));
  renameSync(`${countries}.new`, countries);
  while (!(await gets('tcp', GERMAN)));
  expect(await gets('tcp', FRENCH)).toBe(false);
});

describe('CrowdSec', () => {
  it('that has said nothing yet lets nobody in where it is enforced', async () => {
    for (const mode of MODES) {
      await set(mode, '--crowdsec', 'enforce');
      expect(await gets(mode, GERMAN)).toBe(false);
      await logged(mode, GERMAN, ({ failure }) => failure === 'crowdsec_unavailable');
      await set(mode, '--crowdsec', 'observe');
      expect(await gets(mode, GERMAN)).toBe(true);
      await logged(mode, GERMAN, ({ observed }) => observed === 'crowdsec_unavailable');
    }
  });

  it('is heard once it is there, for what is enforced and what is observed', async () => {
    crowdsec.add({ id: 1, value: BANNED, type: 'ban' });
    crowdsec.add({ id: 2, value: CAPTCHA, type: 'captcha' });
    crowdsec.odd = undefined;
    await set('tcp', '--crowdsec', 'enforce');
    while (!(await gets('tcp', GERMAN)));
    for (const mode of MODES) {
      await set(mode, '--crowdsec', 'enforce');
      expect([await gets(mode, GERMAN), await gets(mode, BANNED), await gets(mode, CAPTCHA)]).toEqual([
        true,
        false,
        false,
      ]);
      await logged(mode, BANNED, ({ failure }) => failure === 'crowdsec_ban');
      await logged(mode, CAPTCHA, ({ failure }) => failure === 'crowdsec_captcha');
      await set(mode, '--crowdsec', 'observe');
      expect(await gets(mode, BANNED)).toBe(true);
      await logged(mode, BANNED, ({ observed }) => observed === 'crowdsec_ban');
    }
    // Away: what is known goes on.
    await crowdsec.stop();
    await set('tcp', '--crowdsec', 'enforce');
    expect([await gets('tcp', GERMAN), await gets('tcp', BANNED)]).toEqual([true, false]);
  });
});
