/** A database through a TCP service, with the client that people use. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Up } from '../support/direct.ts';
import { freePort } from '../support/free-port.ts';

const LIBRARY = '/usr/lib/postgresql';
const [version] = existsSync(LIBRARY) ? readdirSync(LIBRARY) : [];
const bin = path.join(LIBRARY, version ?? '', 'bin');

/** PostgreSQL doesn't run as root; there its own user does. */
function owner(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']).toString());
  return { uid: id('-u'), gid: id('-g') };
}

async function startPostgres() {
  if (version === undefined)
    throw new Error('This test needs PostgreSQL, which is not installed (Debian: apt-get install postgresql).');
  const as = owner();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'porthole-postgres-'));
  if (as.uid !== undefined && as.gid !== undefined) chownSync(dir, as.uid, as.gid);
  const data = path.join(dir, 'data');
  execFileSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'visitor', '--auth=trust', '--no-sync'], {
    ...as,
    cwd: dir,
  });
  const port = await freePort();
  const args = ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', dir, '-F'];
  const server = spawn(path.join(bin, 'postgres'), args, { ...as, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  const ready = Promise.withResolvers<void>();
  // Read to the end: what it says later must not fill the pipe.
  server.stderr.on('data', (chunk: Buffer) => {
    if (String(chunk).includes('ready to accept connections')) ready.resolve();
  });
  await ready.promise;
  return {
    port,
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'close');
      server.kill('SIGINT');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

it('lets psql work with a PostgreSQL, rows in bulk among them', async () => {
  await using postgres = await startPostgres();
  await using up = await Up.start();
  const service = await up.add(postgres.port, ['--protocol', 'tcp', '--name', 'db']);
  const psql = async (sql: string): Promise<string> => {
    const place = `host=127.0.0.1 port=${service.port} user=visitor dbname=postgres connect_timeout=10`;
    const { stdout } = await promisify(execFile)('psql', [place, '-qAt', '-c', sql], { maxBuffer: 1 << 26 });
    return stdout;
  };
  expect(await psql('select 6 * 7')).toBe('42\n');
  await psql("create table t as select n, repeat('x', 100) as text from generate_series(1, 100000) as n");
  const rows = await psql('copy t to stdout');
  expect(rows.length).toBe(100_000 * 102 + 488_895);
  expect(await psql('select count(*), sum(n) from t')).toBe('100000|5000050000\n');
  await expect(psql('select nothing')).rejects.toThrow('column "nothing" does not exist');
});
