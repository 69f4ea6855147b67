import type { ExchangeDetail, InspectedBody } from '../../../shared/contract/inspect.ts';
import { authority } from '../../../shared/domain/service.ts';
import type { OpenRequest } from '../../../shared/wire/open.ts';
import type { Capture } from './capture.ts';
import type { Exchange } from './exchange.ts';
import { type MessageHead, valuesOf } from './message-parser.ts';
import { maskHeader } from './secrets.ts';
import { unpack } from './unpack.ts';

/** Everything of `exchange` that may be seen; bodies unpacked to at most `limit` bytes each. */
export async function detailOf(
  exchange: Exchange,
  secrets: ReadonlySet<string>,
  limit: number,
): Promise<ExchangeDetail> {
  const { request, response, requestEnd, responseStart, end, connect } = exchange;
  const shown = ({ headers }: Pick<MessageHead, 'headers'>) =>
    headers.map(([name, value]) => maskHeader(name, value, secrets));
  const trailing = (headers: MessageHead['headers']) => (headers.length === 0 ? {} : { trailers: shown({ headers }) });
  const unrepeatable = obstacleOf(exchange);
  return {
    summary: exchange.summary(),
    target: placeOf(exchange.target),
    request: {
      headers: shown(request),
      body: await bodyOf(request, exchange.requestBody, limit),
      ...trailing(exchange.requestTrailers),
    },
    ...(response === undefined
      ? {}
      : {
          response: {
            reason: response.first[2],
            headers: shown(response),
            body: await bodyOf(response, exchange.responseBody, limit),
            ...trailing(exchange.responseTrailers),
          },
        }),
    timing: {
      ...(requestEnd === undefined ? {} : { requestEnd }),
      ...(responseStart === undefined ? {} : { responseStart }),
      ...(end === undefined ? {} : { end }),
      ...(connect === undefined ? {} : { connect }),
    },
    ...(unrepeatable === undefined ? {} : { unrepeatable }),
  };
}

/** Why the request can't be sent again as it was. */
export function obstacleOf({ upgraded, requestEnd, requestBody, request }: Exchange): ExchangeDetail['unrepeatable'] {
  if (upgraded || request.first[0] === 'CONNECT' || valuesOf(request, 'upgrade').length > 0) return 'upgrade';
  return requestBody.cut || requestEnd === undefined ? 'cut' : undefined;
}

/** A target for people. */
export function placeOf({ type, host, port, tls }: OpenRequest): string {
  if (type === 'unix') return `unix:${host}`;
  return `${tls ? 'https' : 'http'}://${authority(type === 'agent' ? 'localhost' : host, port)}`;
}

async function bodyOf(head: MessageHead, capture: Capture, limit: number): Promise<InspectedBody> {
  const [type] = valuesOf(head, 'content-type');
  const encoding = valuesOf(head, 'content-encoding').join(', ');
  const { size, cut } = capture;
  const unpacked =
    encoding === ''
      ? { bytes: capture.bytes(), cut: false, packed: false }
      : await unpack(capture.bytes(), encoding, limit);
  return {
    ...(type === undefined ? {} : { type: type.slice(0, 256) }),
    ...(encoding === '' ? {} : { encoding }),
    ...(unpacked.packed && size > 0 ? { packed: true } : {}),
    size,
    cut: cut || unpacked.cut,
    base64: unpacked.bytes.toString('base64'),
  };
}
