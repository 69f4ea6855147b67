import type { FailureCode } from '../../shared/domain/failure.ts';
import { createRequestId } from '../request-id.ts';
import type { Visit, VisitorConnection } from '../visit.ts';
import type { ProxyContext } from './context.ts';
import { toAccessRecord } from './exchange-record.ts';
import { plainAddress } from './forward-head.ts';
import { renderRefusal } from './refusal.ts';
import type { Reply } from './reply.ts';

/**
 * Answers and records a request whose head could not be read, so that nothing of it is known but where it came from.
 * `startedAt` is monotonic, `time` wall clock; both in milliseconds. The connection (the
 * stream, in HTTP/2) must end after it.
 */
export function refuseHead(
  context: ProxyContext,
  visitor: { readonly connection: VisitorConnection; readonly reply: Reply; readonly http2: boolean },
  code: FailureCode,
  startedAt: number,
  time: number,
): void {
  const { connection } = visitor;
  const now = context.clock.monotonic();
  const id = createRequestId(time);
  const host = connection.serverName ?? '';
  const refusal = renderRefusal({
    code,
    requestId: id,
    time: context.clock.now(),
    method: '',
    accept: '',
    host,
    serviceName: undefined,
    targetLabel: undefined,
    close: true,
  });
  visitor.reply.refuse(refusal);
  context.requests++;
  context.record(
    toAccessRecord({
      kind: 'request',
      visit: unreadable(id, connection, host),
      nodeId: context.nodeId,
      protocol: visitor.http2 ? 'http/2' : 'http/1.1',
      address: plainAddress(connection.peerAddress),
      userAgent: '',
      time,
      startedAt,
      handedAt: undefined,
      firstByteAt: now,
      now,
      roundTrip: 0,
      shortestRoundTrip: 0,
      status: refusal.status,
      bytesUp: 0,
      bytesDown: refusal.body.length,
      failure: code,
    }),
  );
}

const unreadable = (id: string, connection: VisitorConnection, host: string): Visit => ({
  id,
  connection,
  method: '',
  host,
  authority: host,
  path: '',
  query: '',
  fields: '',
  accept: '',
  route: undefined,
  target: undefined,
  identity: undefined,
  forwarded: undefined,
  note: undefined,
});
