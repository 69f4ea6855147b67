/// <reference types="electron" />
/** `electron.net`: requests of the main process, by Node. Redirects are not followed. */
import { EventEmitter } from 'node:events';
import { request as dial, type IncomingMessage } from 'node:http';
import { strict } from './strict.ts';

type RequestParts = Pick<Electron.ClientRequest, 'abort' | 'end' | 'setHeader'>;

/** A request to this machine, which is all that a test asks for. */
class ClientRequest extends EventEmitter implements Omit<RequestParts, 'end'> {
  readonly #request;

  constructor({ protocol, hostname, port, path, method, headers }: Electron.ClientRequestConstructorOptions) {
    super();
    if (protocol !== 'http:') throw new Error(`stand-in: net.request of ${protocol} is not implemented`);
    this.#request = dial({ hostname, port, path, method, headers: headers as Record<string, string> });
    this.#request.on('response', (response: IncomingMessage) => this.emit('response', response));
    this.#request.on('error', (error) => this.emit('error', error));
  }
  setHeader(name: string, value: string): void {
    this.#request.setHeader(name, value);
  }
  end(): void {
    this.#request.end();
  }
  abort(): void {
    this.#request.destroy();
  }
}

export const net = strict(
  {
    request: (options: Electron.ClientRequestConstructorOptions) => strict(new ClientRequest(options), 'net.request'),
  },
  'net',
);
