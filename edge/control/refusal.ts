import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type Failure, failure, failureSpec } from '../../shared/domain/failure.ts';
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
