import type { Socket } from 'node:net';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { type ClientHello, ClientHelloReader } from './client-hello.ts';

/** How long a new connection has to send its whole ClientHello, and how large that may be. */
export type HelloLimits = Pick<Limits, 'helloTime' | 'helloSize'>;

/**
 * Looks at the ClientHello of a new connection and puts it back unread, so that a TLS server can take the socket over
 * with its native handle (`server.emit('connection', socket)`). A `'data'` listener and `unshift` cost least of all
 * ways that were measured. `done` is called once with the hello, or not at all: a connection that speaks something
 * else, stalls, or leaves is answered and closed here, and `refused` is told why.
 */
export function peekHello(
  socket: Socket,
  done: (hello: ClientHello) => void,
  refused: (reason: 'not_tls' | 'malformed' | 'too_large' | 'timeout' | 'closed') => void,
  { helloTime, helloSize }: HelloLimits = DEFAULT_LIMITS,
): void {
  const reader = new ClientHelloReader(helloSize);
  const chunks: Buffer[] = [];
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('end', onLeft);
    socket.off('close', onLeft);
  };
  const onLeft = (): void => {
    stop();
    socket.destroy();
    refused('closed');
  };
  const onData = (chunk: Buffer): void => {
    const answer = reader.push(chunk);
    if (answer === undefined) {
      chunks.push(chunk);
      return;
    }
    stop();
    if (typeof answer !== 'string') {
      socket.pause();
      socket.unshift(chunks.length === 0 ? chunk : Buffer.concat([...chunks, chunk]));
      done(answer);
      return;
    }
    if (answer === 'not_tls' && chunks.length === 0 && looksLikeHttp(chunk)) answerHttp(socket);
    else if (answer === 'not_tls') socket.destroy();
    else alert(socket);
    refused(answer);
  };
  const timer = setTimeout(() => {
    stop();
    socket.destroy();
    refused('timeout');
  }, helloTime);
  socket.on('data', onData);
  socket.on('end', onLeft);
  socket.on('close', onLeft);
}

const looksLikeHttp = (chunk: Buffer): boolean => /^[A-Z]{3,20} [^\r\n]/.test(chunk.toString('latin1', 0, 40));

const HTTP_ANSWER = 'This port speaks https. Put https:// in front of the address.\n';

/** Somebody typed http:// before a TLS port: says so, the way web servers do. */
function answerHttp(socket: Socket): void {
  socket.write(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${HTTP_ANSWER.length}\r\n` +
      `Connection: close\r\n\r\n${HTTP_ANSWER}`,
  );
  finish(socket);
}

/** A fatal decode_error (RFC 8446 section 6), so that the peer can name what went wrong. */
function alert(socket: Socket): void {
  socket.write(Buffer.of(21, 3, 3, 0, 2, 2, 50));
  finish(socket);
}

/** Ends, and takes what still arrives for a moment: closing with unread bytes would reset the answer away. */
function finish(socket: Socket): void {
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), 1_000);
  socket.once('end', () => socket.destroySoon());
  socket.once('close', () => clearTimeout(timer));
}
