import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const OLDEST = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Ends this process as `child` ends, and passes on every signal meanwhile. */
export function follow(child) {
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

/** The npm that runs this script, if one does: the parent, or the parent of the shell that npm puts between. */
export function npmProcess() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return undefined;
  const { stdout } = spawnSync('ps', ['-o', 'ppid=,args=', '-p', String(process.ppid)], { encoding: 'utf8' });
  const between = /^\s*(\d+)\s+\S*sh -c /.exec(stdout ?? '');
  return between === null ? process.ppid : Number(between[1]);
}

/**
 * Whether this process already runs a Node that is new enough. If not, runs the same script with the one that
 * `npm ci` installed, and follows it.
 */
export function onOwnNode(script) {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST) return true;
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const own = path.join(import.meta.dirname, '..', 'node_modules', 'node', 'bin', name);
  if (!existsSync(own)) {
    process.stderr.write(`Porthole needs Node ${OLDEST} or newer; "npm ci" installs one beside it. Run that first.\n`);
    process.exit(1);
  }
  const env = { ...process.env, PORTHOLE_PARENT: String(process.pid) };
  follow(spawn(own, [script, ...process.argv.slice(2)], { stdio: 'inherit', env }));
  return false;
}
