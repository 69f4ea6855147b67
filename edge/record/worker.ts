/** Entry of the access log's thread when the edge runs from source: `new URL('./record/worker.ts', import.meta.url)`. */
import { isWriterThread, runWriter } from './writer.ts';

if (isWriterThread()) runWriter();
