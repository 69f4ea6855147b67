/** What `electron` resolves to. Electron's is a CommonJS module, which is its own default export too. */
import * as electron from './electron.ts';

export * from './electron.ts';
export default electron;
