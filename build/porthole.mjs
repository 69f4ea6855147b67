#!/usr/bin/env node
// The command line, on whatever Node there is: from its sources in a clone, from the bundle in a package.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onOwnNode } from './own-node.mjs';

if (onOwnNode(import.meta.filename)) {
  const source = path.join(import.meta.dirname, '..', 'main', 'cli', 'index.ts');
  const bundle = path.join(import.meta.dirname, '..', 'out', 'main', 'cli.js');
  // Node strips no types from what lies in node_modules.
  const runsSources = existsSync(source) && !import.meta.dirname.split(path.sep).includes('node_modules');
  enableCompileCache();
  await import(pathToFileURL(runsSources ? source : bundle).href);
}
