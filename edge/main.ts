/** The entry of the edge's process, of the thread in it that writes the access log, and of its workers' processes. */
import { isWriterThread, runWriter } from './record/writer.ts';
import { findVersion } from './version.ts';
import { isWorkerProcess } from './workers/role.ts';

if (isWriterThread()) {
  runWriter();
} else if (isWorkerProcess()) {
  const { runWorker } = await import('./workers/worker.ts');
  process.stderr.on('error', () => {});
  process.exit(await runWorker(findVersion(import.meta.dirname)));
} else {
  // Loaded here only: thread and workers need none of it.
  const { runCommandLine } = await import('./process.ts');
  // A reader that went away (a pager, a parent) is no reason to end.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const version = findVersion(import.meta.dirname);
  process.exit(await runCommandLine(process.argv.slice(2), { version, entry: new URL(import.meta.url) }));
}
