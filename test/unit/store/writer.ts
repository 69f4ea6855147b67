/** Run as a process of its own: `writer.ts DIR idle|token|write`. Prints a line for each confirmed step; `idle` forgets its store. */
import { createStore } from '../../../edge/store/create-store.ts';
import { hashToken } from '../../../edge/store/credential.ts';
import { joinAgent, LIMITS, must, newService } from '../../compliance/data.ts';

const [dataDir = '', task] = process.argv.slice(2);
const store = must(createStore({ dataDir, serve: task !== 'token' }));
if (task === 'idle') {
  // Not before this module has run to its end: until then the store is still in its hands.
  setImmediate(() => {
    globalThis.gc?.();
    setImmediate(() => console.log('ready'));
  });
  setInterval(() => {}, 1000);
} else if (task === 'token') {
  const now = Date.now();
  must(await store.createJoinToken({ hash: hashToken('from outside'), createdAt: now, expiresAt: now + 60_000 }));
  await store.close();
} else {
  const agent = await joinAgent(store);
  for (let i = 0; ; i++) {
    const { service } = must(await store.createService(newService(agent.id, `s${i}`), { ...LIMITS, services: 1e9 }));
    process.stdout.write(`${service.domain}\n`);
  }
}
