import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type Failure, type FailureCode, failure, failureSpec } from '../../shared/domain/failure.ts';
import type { Logger } from '../../shared/node/logger.ts';

/** Answers with a failure: its status, its body, and when to come back where that is known. */
export function refuse(reply: FastifyReply, reason: Failure): FastifyReply {
  const { status, retry } = failureSpec(reason.code);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (retry && (status === 429 || status === 503)) reply.header('retry-after', '5');
  return reply.code(status).header('cache-control', 'no-store').send({ error: reason });
}

/** What an error of fastify's own means to the caller; anything unexpected is logged and told to nobody. */
export function explain(error: FastifyError, request: FastifyRequest, log: Logger): Failure {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return failure('body_too_large');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return failure('input_invalid', { reason: 'The body must be JSON, with content-type application/json.' });
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return failure('input_invalid', { reason: 'The body is not valid JSON.' });
  log.error('A control call failed.', { method: request.method, url: request.url, error });
  return failure('internal');
}

/** Answers what isn't HTTP, is too large or too slow, in the API's own form, and closes the connection. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const code = CONNECTION_FAILURES[error.code ?? ''] ?? 'request_malformed';
  const body = JSON.stringify({ error: failure(code) });
  const { status } = failureSpec(code);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // A peer that never closes its side is not waited for.
  socket.once('finish', () => socket.destroySoon());
}

const CONNECTION_FAILURES: Readonly<Record<string, FailureCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'head_too_large',
};
