/** What the inspector's pictures show. */
import {
  type ExchangeDetail,
  type ExchangeSummary,
  MASK,
  type UnreadConnections,
} from '../../../shared/contract/inspect.ts';

const PIXELS =
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAI0lEQVR4nGNk+M+AFTBhF2ZgYGBgYMQlgVMHE7oAYY34BQYAzDEBD9ZqLJEAAAAASUVORK5CYII=';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const JSON_BODY = JSON.stringify({
  order: 10_042,
  customer: { name: 'Grace Hopper', email: 'grace@example.com' },
  items: [
    { sku: 'A-100', count: 2, price: '12.50' },
    { sku: 'B-7', count: 1, price: '199.00' },
  ],
  gift: false,
});

interface Sketch extends Partial<ExchangeSummary> {
  readonly method: string;
  readonly path: string;
}

const SKETCHES: readonly Sketch[] = [
  { method: 'POST', path: '/api/orders?dry=1', status: 201, type: 'application/json', replayOf: 2, edited: true },
  { method: 'GET', path: '/events', state: 'open', status: 200, type: 'text/event-stream' },
  { method: 'POST', path: `/login?token=${MASK}`, status: 302, requestBytes: 64 },
  { method: 'GET', path: '/media/logo.png', status: 200, type: 'image/png', responseBytes: 90 },
  { method: 'GET', path: '/api/report.bin', status: 200, type: 'application/octet-stream', responseBytes: 5_300_000 },
  { method: 'DELETE', path: '/api/orders/17', status: 403, type: 'application/json' },
  { method: 'GET', path: `/a/very/long/path/${'that-does-not-end/'.repeat(12)}`, status: 500, type: 'text/html' },
  { method: 'PUT', path: '/upload', state: 'broken', requestBytes: 900_000 },
  { method: 'POST', path: '/api/orders', status: 201, type: 'application/json', requestBytes: 160 },
  { method: 'GET', path: '/ws', status: 101 },
  {
    method: 'POST',
    path: '/shop.Orders/Get',
    status: 200,
    http2: true,
    type: 'application/grpc',
    requestBytes: 18,
    responseBytes: 0,
  },
  { method: 'GET', path: '/stream', status: 200, http2: true, state: 'lost', type: 'text/event-stream' },
];

export interface InspectorScene extends UnreadConnections {
  readonly exchanges: readonly ExchangeSummary[];
  readonly details: Readonly<Record<number, ExchangeDetail>>;
}

/** Twelve exchanges of service `serviceId` before `now`, with everything that is known of each. */
export function inspectorScene(serviceId: string, now: number): InspectorScene {
  const exchanges = SKETCHES.map((sketch, index) => {
    const whole = sketch.state === undefined || sketch.state === 'done';
    return {
      id: SKETCHES.length - index,
      serviceId,
      time: now - index * 7_300,
      state: 'done' as const,
      requestBytes: 0,
      responseBytes: 420,
      ...(whole ? { duration: 12.4 + index * 31 } : {}),
      ...sketch,
    };
  });
  const unread = { unreadable: [serviceId], before: [{ serviceId, connections: 2 }] };
  return {
    ...unread,
    exchanges,
    details: Object.fromEntries(exchanges.map((summary) => [summary.id, detailOf(summary)])),
  };
}

function detailOf(summary: ExchangeSummary): ExchangeDetail {
  const { type, path, status, duration } = summary;
  const upgrade = status === 101;
  const requestHeaders = [
    { name: 'host', value: 'shop.localhost:8443' },
    {
      name: 'user-agent',
      value: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0',
    },
    { name: 'accept', value: '*/*' },
    { name: 'authorization', value: `Bearer ${MASK}`, masked: true },
    { name: 'cookie', value: `sid=${MASK}; theme=${MASK}`, masked: true },
    { name: 'x-forwarded-for', value: '203.0.113.7' },
  ];
  const isForm = path.startsWith('/login');
  const requestBody = isForm
    ? {
        type: 'application/x-www-form-urlencoded',
        size: 64,
        cut: false,
        base64: base64('user=grace%40example.com&note=Gr%C3%BC%C3%9Fe+aus+K%C3%B6ln&remember=on'),
      }
    : summary.requestBytes > 0
      ? {
          type: 'application/json',
          size: summary.requestBytes,
          cut: summary.state === 'broken',
          base64: base64(JSON_BODY),
        }
      : { size: 0, cut: false, base64: '' };
  return {
    summary,
    target: 'http://localhost:5173',
    request: { headers: requestHeaders, body: requestBody },
    ...(status === undefined
      ? {}
      : {
          response: {
            reason: status === 201 ? 'Created' : 'OK',
            headers: [
              ...(type === undefined ? [] : [{ name: 'content-type', value: type }]),
              { name: 'set-cookie', value: `sid=${MASK}; Path=/; HttpOnly`, masked: true },
            ],
            body: responseBody(summary),
            ...(summary.http2 === true
              ? {
                  trailers: [
                    { name: 'grpc-status', value: '5' },
                    { name: 'grpc-message', value: 'There is no order 17.' },
                  ],
                }
              : {}),
          },
        }),
    timing: {
      connect: 0.4,
      requestEnd: 1.1,
      ...(status === undefined ? {} : { responseStart: 9.8 }),
      ...(duration === undefined ? {} : { end: duration }),
    },
    ...(upgrade ? { unrepeatable: 'upgrade' } : summary.state === 'broken' ? { unrepeatable: 'cut' } : {}),
  };
}

function responseBody({ type, responseBytes }: ExchangeSummary) {
  if (type === 'image/png') return { type, size: responseBytes, cut: false, base64: PIXELS };
  if (type === 'application/octet-stream')
    return {
      type,
      size: responseBytes,
      cut: true,
      base64: Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 37) % 256)).toString('base64'),
    };
  if (type === 'application/json')
    return { type, encoding: 'gzip', size: responseBytes, cut: false, base64: base64(JSON_BODY) };
  if (type === undefined) return { size: 0, cut: false, base64: '' };
  return {
    type,
    size: responseBytes,
    cut: false,
    base64: base64('<!doctype html>\n<h1>It broke</h1>\n<script>alert(1)</script>'),
  };
}
