import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ListeningSocket } from '../../../main/agent/listening-socket.ts';
import { createPortFinder, groupPorts, PORTS_LIMIT, systemScan } from '../../../main/agent/local-ports.ts';
import { createDarwinScan, parseLsof, parsePs } from '../../../main/agent/ports-darwin.ts';
import { createLinuxScan } from '../../../main/agent/ports-linux.ts';
import { createWindowsScan, parseNetstat, parseTasklist } from '../../../main/agent/ports-windows.ts';
import { parseProcNet } from '../../../main/agent/proc-net.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PROC_NET = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 35764 1 000000002d394767 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1069 1 000000007f6f05ed 100 0 0 10 0
   2: 0100007F:0BB8 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 35765 1 0000000000000000 20 4 30 10 -1
`;
const PROC_NET6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1435 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 40001 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1436 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 40002 1 0000000000000000 100 0 0 10 0
   2: 000080FE00000000FF005450AB89EFBE:1437 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 40003 1 0000000000000000 100 0 0 10 0
`;

describe('the tables of Linux', () => {
  it('yield the listening sockets and nothing else', () => {
    expect(parseProcNet(PROC_NET)).toEqual([
      { address: '127.0.0.1', port: 3000, inode: '35764' },
      { address: '0.0.0.0', port: 8080, inode: '1069' },
    ]);
  });

  it('yield IPv6 addresses in their canonical spelling', () => {
    expect(parseProcNet(PROC_NET6).map((s) => s.address)).toEqual([
      '::1',
      '::ffff:127.0.0.1',
      'fe80::5054:ff:beef:89ab',
    ]);
  });

  it('yield what listens among thousands of connections, quickly', () => {
    const [head = '', ...rows] = PROC_NET.trimEnd().split('\n');
    const busy = [head, ...rows.slice(0, 2), ...Array.from({ length: 20_000 }, () => rows[2] ?? '')].join('\n');
    // The processor's time: whatever else the machine does takes nothing of it.
    const started = process.cpuUsage();
    for (let i = 0; i < 20; i++) expect(parseProcNet(busy)).toHaveLength(2);
    const { user, system } = process.cpuUsage(started);
    expect(user + system).toBeLessThan(1_000_000);
  });

  it('are read up to where they were cut off', () => {
    for (let i = 0; i < PROC_NET.length; i++) expect(parseProcNet(PROC_NET.slice(0, i)).length).toBeLessThanOrEqual(2);
  });
});

const LSOF = `p501
cControlCe
f9
n*:7000
f10
n[::1]:7001
p812
cnode
f22
n127.0.0.1:5173
p900
cGoogle\\x20Chrome\\x20Helper
f3
n[fe80:1::2]:9000
n*:*
`;
const PS = `  501 /System/Library/CoreServices/ControlCenter.app/Contents/MacOS/ControlCenter
  812 node /Users/u/shop/node_modules/.bin/vite --port 5173
  900 /Applications/Google Chrome.app/Contents/Google Chrome Helper --type=utility
`;

describe('the scan of Linux', () => {
  const signal = new AbortController().signal;

  function proc(): string {
    const root = mkdtempSync(path.join(tmpdir(), 'porthole-proc-'));
    mkdirSync(path.join(root, 'net'));
    writeFileSync(path.join(root, 'net/tcp'), PROC_NET);
    return root;
  }

  const VITE = ['node', '/srv/node_modules/.bin/vite'];
  function addProcess(root: string, pid: number, inode: number, args = VITE): void {
    mkdirSync(path.join(root, `${pid}/fd`), { recursive: true });
    symlinkSync(`socket:[${inode}]`, path.join(root, `${pid}/fd/7`));
    symlinkSync('/dev/null', path.join(root, `${pid}/fd/8`));
    writeFileSync(path.join(root, `${pid}/comm`), 'node\n');
    writeFileSync(path.join(root, `${pid}/cmdline`), `${args.join('\0')}\0`);
  }

  it('finds the process of a socket once, and gives up on one that stays unknown', async () => {
    const root = proc();
    let time = 0;
    const scan = createLinuxScan(() => time, root);
    addProcess(root, 10, 35764);
    const known = { address: '127.0.0.1', port: 3000, pid: 10, process: 'vite' };
    expect(await scan(signal)).toEqual([known, { address: '0.0.0.0', port: 8080 }]);
    rmSync(path.join(root, '10'), { recursive: true });
    addProcess(root, 11, 1069);
    time = 29_999;
    expect((await scan(signal))[1]?.pid).toBeUndefined();
    time = 30_000;
    expect(await scan(signal)).toEqual([known, { address: '0.0.0.0', port: 8080, pid: 11, process: 'vite' }]);

    const other = createLinuxScan(() => time, root);
    rmSync(path.join(root, '11'), { recursive: true });
    for (let look = 0; look < 3; look++, time += 30_000) await other(signal);
    addProcess(root, 12, 1069);
    expect((await other(signal))[1]?.pid).toBeUndefined();
    rmSync(root, { recursive: true });
  });

  it('knows an edge', async () => {
    const root = proc();
    addProcess(root, 10, 35764, ['node', '/p/out/main/edge.js', '--domain', 'localhost', '--data-dir', '/d']);
    const [found] = await createLinuxScan(() => 0, root)(signal);
    expect(found).toMatchObject({ pid: 10, process: 'edge', edge: true });
    rmSync(root, { recursive: true });
  });

  it('believes a table for ten seconds while the number of sockets stays, and reads it at once when that differs', async () => {
    const root = proc();
    let time = 0;
    const scan = createLinuxScan(() => time, root);
    const ports = async () => (await scan(signal)).map(({ port }) => port);
    const tell = (inUse: number, table: string): void => {
      writeFileSync(
        path.join(root, 'net/sockstat'),
        `sockets: used 9\nTCP: inuse ${inUse} orphan 0 tw 0 alloc 9 mem 1\n`,
      );
      writeFileSync(path.join(root, 'net/tcp'), table);
    };
    const [head = '', first = '', second = ''] = PROC_NET.split('\n');
    tell(1, `${head}\n${first}\n`);
    expect(await ports()).toEqual([3000]);
    tell(2, `${head}\n${first}\n${second}\n`);
    expect(await ports()).toEqual([3000, 8080]);
    // One ends and another begins between two looks.
    tell(2, `${head}\n${second}\n${first.replace('0BB8', '0BB9')}\n`);
    time = 9_999;
    expect(await ports()).toEqual([3000, 8080]);
    time = 10_000;
    expect(await ports()).toEqual([8080, 3001]);
    tell(0, `${head}\n${first}\n`);
    expect(await ports()).toEqual([]);
    rmSync(root, { recursive: true });
  });

  it('counts the sockets of IPv6 by themselves', async () => {
    const root = proc();
    writeFileSync(path.join(root, 'net/tcp6'), PROC_NET6);
    writeFileSync(path.join(root, 'net/sockstat'), 'TCP: inuse 2 orphan 0 tw 0 alloc 5 mem 1\n');
    writeFileSync(path.join(root, 'net/sockstat6'), 'TCP6: inuse 3\n');
    const scan = createLinuxScan(() => 0, root);
    expect(await scan(signal)).toHaveLength(5);
    writeFileSync(path.join(root, 'net/sockstat6'), 'TCP6: inuse 1\n');
    writeFileSync(path.join(root, 'net/tcp6'), PROC_NET6.split('\n').slice(0, 2).join('\n'));
    expect(await scan(signal)).toHaveLength(3);
    rmSync(root, { recursive: true });
  });

  it('reads a table of many pages to its end', async () => {
    const root = proc();
    const [head = '', row = ''] = PROC_NET.split('\n');
    const rows = Array.from({ length: 1_000 }, (_, i) =>
      row.replace('0BB8', (2_000 + i).toString(16).padStart(4, '0')),
    );
    writeFileSync(path.join(root, 'net/tcp'), [head, ...rows, ''].join('\n'));
    const found = await createLinuxScan(() => 0, root)(signal);
    expect(found.map(({ port }) => port)).toEqual(Array.from({ length: 1_000 }, (_, i) => 2_000 + i));
    rmSync(root, { recursive: true });
  });

  it('gives way to others every few milliseconds while it looks for a process', async () => {
    const root = proc();
    mkdirSync(path.join(root, '10/fd'), { recursive: true });
    for (let i = 0; i < 80; i++) symlinkSync('/dev/null', path.join(root, `10/fd/${i}`));
    let time = 0;
    let turns = 0;
    const seen = new Set<number>();
    const scan = createLinuxScan(() => {
      seen.add(turns);
      setImmediate(() => turns++);
      return time++;
    }, root);
    await scan(signal);
    expect(seen.size).toBeGreaterThan(10);
    rmSync(root, { recursive: true });
  });

  it('fails where the tables are missing', async () => {
    const root = proc();
    rmSync(path.join(root, 'net'), { recursive: true });
    await expect(createLinuxScan(() => 0, root)(signal)).rejects.toThrow();
    rmSync(root, { recursive: true });
  });
});

describe('the tools of macOS', () => {
  it('yield sockets with their processes', () => {
    expect(parseLsof(LSOF)).toEqual([
      { address: '0.0.0.0', port: 7000, pid: 501, process: 'ControlCe' },
      { address: '::1', port: 7001, pid: 501, process: 'ControlCe' },
      { address: '127.0.0.1', port: 5173, pid: 812, process: 'node' },
      { address: 'fe80:1::2', port: 9000, pid: 900, process: 'Google Chrome Helper' },
    ]);
  });

  it('yield the script of a runtime, asked once a process', async () => {
    const asked: string[] = [];
    const scan = createDarwinScan((tool) => {
      asked.push(tool);
      return Promise.resolve(tool === 'lsof' ? LSOF : PS);
    });
    const { signal } = new AbortController();
    expect((await scan(signal)).map((s) => s.process)).toEqual([
      'ControlCenter',
      'ControlCenter',
      'vite',
      'Google Chrome Helper',
    ]);
    await scan(signal);
    expect(asked).toEqual(['lsof', 'ps', 'lsof']);
    expect(parsePs('garbage\n')).toEqual(new Map());
  });
});

const NETSTAT = `
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         1104
  TCP    127.0.0.1:5173         0.0.0.0:0              ABHÖREN         7716
  TCP    127.0.0.1:5173         127.0.0.1:50022        HERGESTELLT     7716
  TCP    [::1]:3000             [::]:0                 ABHÖREN         8000
  TCP    [fe80::1%12]:3001      [::]:0                 ABHÖREN         8000
  UDP    0.0.0.0:5353           *:*                                    2208
`.replaceAll('\n', '\r\n');
const TASKLIST = `"System Idle Process","0","Services","0","8 K"\r\n"node.exe","7716","Console","1","70.020 K"\r\n"odd ""name"".exe","8000","Console","1","1 K"\r\n`;

describe('the tools of Windows', () => {
  it('yield listening sockets whatever the language', () => {
    expect(parseNetstat(NETSTAT)).toEqual([
      { address: '0.0.0.0', port: 135, pid: 1104 },
      { address: '127.0.0.1', port: 5173, pid: 7716 },
      { address: '::1', port: 3000, pid: 8000 },
      { address: 'fe80::1', port: 3001, pid: 8000 },
    ]);
  });

  it('yield image names', async () => {
    expect(parseTasklist(TASKLIST).get(7716)).toBe('node');
    const scan = createWindowsScan((tool) => Promise.resolve(tool === 'netstat' ? NETSTAT : TASKLIST));
    const names = (await scan(new AbortController().signal)).map((s) => s.process);
    expect(names).toEqual([undefined, 'node', 'odd "name"', 'odd "name"']);
  });
});

describe('the list of local ports', () => {
  const socket = (port: number, address = '127.0.0.1', more: Partial<ListeningSocket> = {}): ListeningSocket => ({
    port,
    address,
    ...more,
  });

  it('has one entry a port, ascending, without excluded and unreachable ones, and without edges', () => {
    const sockets = [
      socket(9000, '::'),
      socket(80, '0.0.0.0', { pid: 4 }),
      socket(80, '::', { pid: 5, process: 'nginx' }),
      socket(22, '192.168.1.2'),
      socket(53, '127.0.0.53'),
      socket(4000),
      socket(8443, '127.0.0.1', { pid: 6, process: 'edge', edge: true }),
    ];
    expect(groupPorts(sockets, new Set([4000]))).toEqual([
      { port: 80, addresses: ['0.0.0.0', '::'], pid: 5, process: 'nginx' },
      { port: 9000, addresses: ['::'] },
    ]);
  });

  it('is empty where the system will not say', async () => {
    const finder = createPortFinder({ scan: () => Promise.reject(new Error('no')) });
    await finder.refresh();
    expect(finder.ports()).toEqual([]);
    finder.close();
  });

  it('is bounded', () => {
    const sockets = Array.from({ length: 1000 }, (_, i) => socket(i + 1));
    expect(groupPorts(sockets, new Set())).toHaveLength(PORTS_LIMIT);
  });

  it('tells of changes only, and keeps the last list when the system stops telling', async () => {
    let listed: readonly ListeningSocket[] | undefined = [socket(1)];
    const finder = createPortFinder({
      scan: () => (listed === undefined ? Promise.reject(new Error('no')) : Promise.resolve(listed)),
    });
    let told = 0;
    finder.onChange(() => told++);
    expect(finder.ports()).toBeUndefined();
    await finder.refresh();
    await finder.refresh();
    expect(told).toBe(1);
    listed = undefined;
    await finder.refresh();
    expect(finder.ports()?.map((p) => p.port)).toEqual([1]);
    listed = [];
    await finder.refresh();
    expect([told, finder.ports()]).toEqual([2, []]);
    finder.close();
  });

  it('sees what began to listen during a look, when asked then', async () => {
    const looks: ((sockets: readonly ListeningSocket[]) => void)[] = [];
    const finder = createPortFinder({ scan: () => new Promise((resolve) => looks.push(resolve)) });
    const refreshed = finder.refresh();
    const same = finder.refresh();
    looks[0]?.([]);
    await expect.poll(() => looks.length).toBe(2);
    looks[1]?.([socket(1)]);
    await Promise.all([refreshed, same]);
    expect([looks.length, finder.ports()?.map((p) => p.port)]).toEqual([2, [1]]);
    finder.close();
  });

  it('is looked at more often while somebody watches, but less often where each look takes long', async () => {
    const clock = new ManualClock();
    let end: (() => void) | undefined;
    const scan = () => new Promise<readonly ListeningSocket[]>((resolve) => (end = () => resolve([])));
    const finder = createPortFinder({ clock, scan });
    /** Lets the look that is under way take `ms`; yields how long it is to the next one. */
    const pauseAfter = async (ms: number): Promise<number> => {
      clock.advance(ms);
      end?.();
      end = undefined;
      const began = clock.monotonic();
      await expect.poll(() => clock.timers).toBe(1);
      while (end === undefined) clock.advance(100);
      return clock.monotonic() - began;
    };
    expect(await pauseAfter(10)).toBe(10_000);
    const endWatch = finder.watch();
    end?.();
    end = undefined;
    // Another look follows the one that was under way.
    await expect.poll(() => end).toBeDefined();
    expect(await pauseAfter(10)).toBe(2_000);
    // The first one after many that were quick may have had something to find.
    expect(await pauseAfter(25)).toBe(2_000);
    expect(await pauseAfter(25)).toBe(5_000);
    expect(await pauseAfter(1_000)).toBe(5_000);
    expect(await pauseAfter(1_000)).toBe(10_000);
    expect(await pauseAfter(10)).toBe(2_000);
    endWatch();
    expect(await pauseAfter(10)).toBe(10_000);
    finder.close();
    expect(clock.timers).toBe(0);
  });

  it.runIf(process.platform === 'linux')('names a server of this very process', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const found = (await systemScan()(new AbortController().signal)).find((s) => s.port === port);
    expect(found).toMatchObject({ address: '127.0.0.1', port, pid: process.pid });
    expect(found?.process).toBeTypeOf('string');
    server.close();
  });
});
