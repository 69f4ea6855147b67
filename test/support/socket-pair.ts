import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { selfSigned } from './certificate.ts';

export type Transport = 'tcp' | 'tls';

export interface SocketPair {
  /** The side that was dialled. */
  readonly accepted: net.Socket;
  readonly dialled: net.Socket;
  close(): void;
}

const identity = selfSigned();

/** Two ends of one loopback connection, both half-open capable. */
export async function socketPair(transport: Transport): Promise<SocketPair> {
  const { key, cert } = identity;
  const options = { allowHalfOpen: true, noDelay: true };
  const server =
    transport === 'tcp'
      ? net.createServer(options)
      : tls.createServer({ ...options, key, cert, minVersion: 'TLSv1.3' });
  const accepting = new Promise<net.Socket>((resolve) => {
    server.once(transport === 'tcp' ? 'connection' : 'secureConnection', resolve);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const target = { host: '127.0.0.1', port: address.port, ...options };
  const dialled =
    transport === 'tcp' ? net.connect(target) : tls.connect({ ...target, ca: cert, servername: 'localhost' });
  await once(dialled, transport === 'tcp' ? 'connect' : 'secureConnect');
  const accepted = await accepting;
  server.close();
  const close = (): void => {
    accepted.destroy();
    dialled.destroy();
  };
  return { accepted, dialled, close };
}
