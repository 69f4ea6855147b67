// `npm start`: the desktop app where Electron can run, else the same app in the browser.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build, isBuilt } from './bundle.mjs';
import { fetchElectron, findElectron } from './electron.mjs';
import { follow, npmProcess, onOwnNode } from './own-node.mjs';

const root = path.join(import.meta.dirname, '..');
const say = (text) => process.stderr.write(`${text}\n`);
const HELP = `Starts Porthole: npm start -- [options]

  --web       in the browser, even where Electron could run
  --no-open   do not open the browser by itself
  --help      this text

PORTHOLE_HOME is the folder where Porthole keeps its data.`;

function options() {
  try {
    const flags = { web: { type: 'boolean' }, 'no-open': { type: 'boolean' }, help: { type: 'boolean' } };
    return parseArgs({ options: flags }).values;
  } catch (error) {
    say(`${error.message}\n\n${HELP}`);
    return process.exit(2);
  }
}

const hasDisplay = () => process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);

/** Electron's executable, or why there is none, in words. */
async function electron() {
  if (!hasDisplay()) return { missing: 'there is no display' };
  if (findElectron() === undefined) await fetchElectron();
  const executable = findElectron();
  return executable === undefined ? { missing: 'its binary could not be fetched' } : { executable };
}

async function main() {
  const { web, help, 'no-open': noOpen } = options();
  if (help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  if (!isBuilt()) {
    say('Building Porthole…');
    if (!(await build())) {
      say('Porthole could not be built; the lines above say why.');
      process.exit(1);
    }
  }
  const { executable, missing } = web ? {} : await electron();
  if (executable !== undefined) {
    const env = { ...process.env, PORTHOLE_PARENT: String(process.pid) };
    follow(spawn(executable, [root], { stdio: 'inherit', env }));
    return;
  }
  if (missing !== undefined) say(`Electron is not available (${missing}), so Porthole opens in the browser.`);
  // Under npm this process ends with npm, however that ends.
  const npm = npmProcess();
  if (npm !== undefined) process.env.PORTHOLE_PARENT ??= String(npm);
  const { runWeb } = await import(pathToFileURL(path.join(root, 'out', 'main', 'web.js')).href);
  process.exit(await runWeb({ open: noOpen !== true }));
}

if (onOwnNode(import.meta.filename)) await main();
