/** Loaded first in a utility process: what Electron adds to Node there. */
import { EventEmitter } from 'node:events';

Object.defineProperty(process, 'type', { value: 'utility' });
Object.defineProperty(process, 'parentPort', { value: new EventEmitter() });
// Electron ends its utility processes when its main process is gone.
process.once('disconnect', () => process.exit(0));
// The channel alone shall not keep a process alive that has nothing left to do.
process.channel?.unref();
