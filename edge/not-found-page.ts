import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createId } from '../shared/domain/id.ts';
import type { Page } from './control/context.ts';
import { pageLanguage } from './page-language.ts';
import { renderRefusal } from './proxy/refusal.ts';

/** What visitors see for unknown names, for whoever opens the cluster's own name in a browser. */
export function notFoundPage(request: IncomingMessage): Page {
  const now = Date.now();
  const { status, head, body } = renderRefusal({
    code: 'no_service',
    requestId: createId(now, randomBytes),
    time: now,
    method: request.method ?? 'GET',
    accept: request.headers.accept ?? '',
    host: request.headers.host?.slice(0, 253) ?? '',
    serviceName: undefined,
    targetLabel: undefined,
    language: pageLanguage(`accept-language: ${request.headers['accept-language'] ?? ''}\r\n`),
    close: false,
  });
  const lines = head.split('\r\n').slice(1, -2);
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { status, headers, body };
}
