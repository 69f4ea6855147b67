/** The command line. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { watchParent } from '../../shared/node/parent.ts';
import { findEdgeEntry } from '../app/edge-process.ts';
import { runCli } from './program.ts';
import { endBySignal } from './signals.ts';
import { createTerminal } from './terminal.ts';

const here = import.meta.dirname;

function version(): string {
  const file = join(here, '..', '..', 'package.json');
  if (!existsSync(file)) return '0.0.0';
  const about: { readonly version?: string } = JSON.parse(readFileSync(file, 'utf8'));
  return about.version ?? '0.0.0';
}

const ending = endBySignal();
watchParent(process.env, ending.end);
const code = await runCli(process.argv.slice(2), {
  terminal: createTerminal(process.stdout, process.stderr),
  env: process.env,
  version: version(),
  edge: findEdgeEntry(here),
  json: false,
  signal: ending.signal,
});
// Whatever still waits in the pipes leaves first; open handles of a finished command are of no interest.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
