/** Plays a worker of the edge, as its number tells it to. See `test/unit/workers/pool.test.ts`. */
import { Channel } from '../../edge/workers/channel.ts';
import { type FromWorker, type ToWorker, WORKER_PROTOCOL } from '../../edge/workers/protocol.ts';

const channel: Channel<FromWorker, ToWorker> = new Channel<FromWorker, ToWorker>(
  process,
  (message) => {
    switch (message.type) {
      case 'start':
        if (message.nodeId === 'fails') {
          channel.send({ type: 'failed', failure: { code: 'address_in_use', message: 'It is taken.' } });
        } else channel.send({ type: 'ready' });
        break;
      case 'evict':
        if (message.agentId === 'crash') process.exit(3);
        channel.send({ type: 'seen', agentId: message.agentId });
        break;
      case 'drain':
      case 'close':
        process.exit(0);
    }
  },
  (socket, { bytes }) => {
    socket.end(`${process.pid} got ${Buffer.from(bytes).toString()}`);
  },
);
process.once('disconnect', () => process.exit(0));
channel.send({ type: 'hello', protocol: WORKER_PROTOCOL, version: process.env.POOL_WORKER_VERSION ?? '1' });
