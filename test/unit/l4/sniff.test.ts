import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { Admission } from '../../../edge/listen/admission.ts';
import { admitVia } from '../../../edge/listen/proxied.ts';
import { SILENCE, type Sniffed, sniff } from '../../../edge/listen/sniff.ts';
import type { Endpoint } from '../../../edge/proxy-header.ts';
import { parseCidr } from '../../../shared/domain/cidr.ts';
import { type SocketPair, socketPair } from '../../support/socket-pair.ts';
import { hello as helloBytes, serverName } from '../listen/hello-bytes.ts';

const pairs: SocketPair[] = [];
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.close();
});

async function pair(): Promise<SocketPair> {
  const made = await socketPair('tcp');
  made.accepted.on('error', () => {});
  made.dialled.on('error', () => {});
  pairs.push(made);
  return made;
}

const sniffed = (sockets: SocketPair, patient = false): Promise<Sniffed | 'gone'> =>
  new Promise((resolve) => sniff(sockets.accepted, patient, resolve, () => resolve('gone')));

describe('a connection to a shared port', () => {
  it('is told by the name in its ClientHello, whose bytes stay', async () => {
    const sockets = await pair();
    const hello = Buffer.from(helloBytes({ extensions: [serverName('Db.Example.com')] }));
    const seen = sniffed(sockets);
    sockets.dialled.write(hello.subarray(0, 7));
    sockets.dialled.write(hello.subarray(7));
    expect(await seen).toEqual({ serverName: 'db.example.com', early: hello, ended: false });
  });

  it.each(['SSH-2.0-x\r\n', 'GET / HTTP/1.1\r\n\r\n', '\x16\x02'])('is no TLS when it begins with %j', async (text) => {
    const sockets = await pair();
    const seen = sniffed(sockets);
    sockets.dialled.write(Buffer.from(text, 'latin1'));
    expect(await seen).toEqual({ serverName: undefined, early: Buffer.from(text, 'latin1'), ended: false });
  });

  it('waits for the server when it says nothing', async () => {
    expect(await sniffed(await pair())).toEqual({ serverName: undefined, early: Buffer.alloc(0), ended: false });
  });

  it('reads what came while the process was busy before it calls anybody silent', async () => {
    const sockets = await pair();
    const hello = Buffer.from(helloBytes({ extensions: [serverName('db.example.com')] }));
    const seen = sniffed(sockets);
    sockets.dialled.write(hello);
    const until = performance.now() + SILENCE + 100;
    while (performance.now() < until);
    expect(await seen).toMatchObject({ serverName: 'db.example.com' });
  });

  it('says which bound was in the way of a whole ClientHello', async () => {
    const limits = { helloTime: 50, helloSize: 4096 };
    const patient = async (bytes: Uint8Array): Promise<Sniffed['fault']> => {
      const sockets = await pair();
      sockets.dialled.write(bytes);
      return new Promise((resolve) =>
        sniff(
          sockets.accepted,
          true,
          ({ fault }) => resolve(fault),
          () => {},
          limits,
        ),
      );
    };
    const hello = helloBytes({ extensions: [serverName('db.example.com'), [21, new Uint8Array(5000)]] });
    expect(await patient(hello)).toBe('too_large');
    expect(await patient(hello.subarray(0, 7))).toBe('timeout');
  });

  it('may half-close before it has said anything', async () => {
    const sockets = await pair();
    const seen = sniffed(sockets);
    sockets.dialled.end();
    expect(await seen).toEqual({ serverName: undefined, early: Buffer.alloc(0), ended: true });
  });

  it('is forgotten when it breaks', async () => {
    const sockets = await pair();
    const seen = sniffed(sockets, true);
    sockets.dialled.resetAndDestroy();
    expect(await seen).toBe('gone');
  });
});

describe('a PROXY header on a connection', () => {
  const header = Buffer.from('PROXY TCP4 192.0.2.9 198.51.100.1 1234 443\r\n');
  const trust = (cidr: string) => ({
    admission: new Admission({ total: 10, perSource: 1 }),
    trustedProxies: [parseCidr(cidr)].filter((c) => c !== undefined),
  });

  interface Admitted {
    readonly source?: Endpoint | undefined;
    readonly refused?: string;
    /** What whoever takes the connection over reads first. */
    readonly first: Promise<string>;
  }

  /** Takes the connection over in the same turn, as everybody does. */
  function admitted(sockets: SocketPair, cidr: string, required = true): Promise<Admitted> {
    return new Promise((resolve) => {
      const nothing = Promise.resolve('');
      const parts = { ...trust(cidr), onRefused: (refused: string) => resolve({ refused, first: nothing }) };
      const takeOver = (source: Endpoint | undefined): void =>
        resolve({ source, first: once(sockets.accepted, 'data').then(([bytes]) => String(bytes)) });
      admitVia(parts, sockets.accepted, takeOver, required);
    });
  }

  it('is taken off however it is cut, and the rest stays unread', async () => {
    for (let cut = 1; cut < header.length; cut += 3) {
      const sockets = await pair();
      const seen = admitted(sockets, '127.0.0.0/8');
      sockets.dialled.write(header.subarray(0, cut));
      await once(sockets.accepted, 'data');
      sockets.dialled.write(Buffer.concat([header.subarray(cut), Buffer.from('rest')]));
      const { source, first } = await seen;
      expect(source).toEqual({ address: '192.0.2.9', port: 1234 });
      expect(await first).toBe('rest');
    }
  });

  it('of a stranger is just bytes', async () => {
    const sockets = await pair();
    sockets.dialled.write(header);
    const { source, first } = await admitted(sockets, '10.0.0.0/8');
    expect(source).toBeUndefined();
    expect(await first).toBe(header.toString());
  });

  it.each([
    ['absent', 'hello'],
    ['malformed', 'PROXY TCP4 no\r\n'],
  ])('is demanded of a trusted proxy: %s', async (reason, text) => {
    const sockets = await pair();
    const seen = admitted(sockets, '127.0.0.0/8');
    sockets.dialled.write(text);
    expect(await seen).toMatchObject({ refused: `PROXY header ${reason}` });
  });

  it('may be left out where the bytes tell', async () => {
    const sockets = await pair();
    const seen = admitted(sockets, '127.0.0.0/8', false);
    sockets.dialled.write('hello');
    const { source, first } = await seen;
    expect(source).toBeUndefined();
    expect(await first).toBe('hello');
  });

  it('counts connections for whom it names, not for the proxy', async () => {
    const parts = { ...trust('127.0.0.0/8'), onRefused: () => {} };
    const admit = async (address: string): Promise<boolean> => {
      const sockets = await pair();
      const done = new Promise<boolean>((resolve) => {
        sockets.accepted.once('close', () => resolve(false));
        admitVia(parts, sockets.accepted, () => resolve(true), true);
      });
      sockets.dialled.write(`PROXY TCP4 ${address} 198.51.100.1 1234 443\r\n`);
      return done;
    };
    expect([await admit('192.0.2.1'), await admit('192.0.2.2'), await admit('192.0.2.1')]).toEqual([true, true, false]);
  });
});
