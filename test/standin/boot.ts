/** What the stand-in's executable runs: Electron's order of events, from the command line to `ready`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { app } from './app.ts';

const require = createRequire(import.meta.url);
const root = path.join(import.meta.dirname, '../..');
const args = process.argv.slice(2);
const electron = path.join(root, 'node_modules/electron/package.json');
const { version } = JSON.parse(readFileSync(electron, 'utf8'));

process.argv = [path.join(import.meta.dirname, 'dist', 'electron'), ...args];
Object.defineProperty(process, 'type', { value: 'browser' });
Object.defineProperty(process.versions, 'electron', { value: version, enumerable: true });

const required: string[] = [];
let folder: string | undefined;
for (let i = 0; i < args.length && folder === undefined; i++) {
  const arg = args[i] ?? '';
  if (arg === '-r' || arg === '--require') required.push(args[++i] ?? '');
  else if (!arg.startsWith('-')) folder = path.resolve(arg);
}
if (folder === undefined) throw new Error('stand-in: name the folder of the app');
const about = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
app.__describe(folder, about);
// Playwright's loader is one: it takes `whenReady` in hand until the test is connected.
for (const file of required) require(file);
await import(pathToFileURL(path.join(folder, about.main ?? 'index.js')).href);
await app.__boot();
