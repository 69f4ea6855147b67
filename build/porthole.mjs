#!/usr/bin/env node
// The command line, on whatever Node there is: from its sources in a clone, from the bundle in a package.
import { existsSync } from 'node:fs';
// The default export: an older Node that only looks for the right one lacks names that this file uses later.
import module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onOwnNode } from './own-node.mjs';

if (onOwnNode(import.meta.filename)) {
  const source = path.join(import.meta.dirname, '..', 'main', 'cli', 'index.ts');
  const bundle = path.join(import.meta.dirname, '..', 'out', 'main', 'cli.js');
  // Node strips no types from what lies in node_modules.
  const runsSources = existsSync(source) && !import.meta.dirname.split(path.sep).includes('node_modules');
  module.enableCompileCache();
  // On Node 24 parts of it that Porthole needs are called experimental; whoever runs a command can do nothing about it.
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (rest[0] !== 'ExperimentalWarning' && rest[0]?.type !== 'ExperimentalWarning') emitWarning(warning, ...rest);
  };
  await import(pathToFileURL(runsSources ? source : bundle).href);
}
