/** Sends every import or require of `electron` to the stand-in, whoever asks: the app's bundle, Playwright's loader. */
import { registerHooks } from 'node:module';

const STANDIN = new URL('./module.ts', import.meta.url).href;

const NAMES = new Set(['electron', 'electron/main', 'electron/common', 'electron/renderer']);

registerHooks({
  resolve(specifier, context, next) {
    if (!NAMES.has(specifier)) return next(specifier, context);
    return { url: STANDIN, format: 'module-typescript', shortCircuit: true };
  },
});
