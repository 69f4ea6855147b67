/** The entry of the edge's process, and of the thread in it that writes the access log. */
import { isWriterThread, runWriter } from './record/writer.ts';
import { findVersion } from './version.ts';

if (isWriterThread()) {
  runWriter();
} else {
  // Loaded here only: the thread needs none of it.
  const { runCommandLine } = await import('./process.ts');
  // A reader that went away (a pager, a parent) is no reason to end.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const version = findVersion(import.meta.dirname);
  process.exit(await runCommandLine(process.argv.slice(2), { version, entry: new URL(import.meta.url) }));
}
