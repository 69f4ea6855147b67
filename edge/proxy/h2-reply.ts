import type { ServerHttp2Stream } from 'node:http2';
import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';
import { single, toFields } from './h2-fields.ts';
import { H2Outlet } from './h2-outlet.ts';
import { H2Relay } from './h2-relay.ts';
import { webSocketAccept } from './h2-request.ts';
import type { RefusalResponse } from './refusal.ts';
import type { Reply } from './reply.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Answers on a stream of HTTP/2 (RFC 9113 section 8.1). */
export class H2Reply implements Reply {
  readonly outlet: H2Outlet;
  readonly #stream: ServerHttp2Stream;
  /** Of the handshake with the origin, when a WebSocket was asked for. */
  webSocketKey: string | undefined;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    this.outlet = new H2Outlet(stream);
  }

  interim(head: ResponseHead): void {
    const fields = toFields(head.fields);
    fields[':status'] = head.status;
    this.outlet.inform(fields);
  }

  /** A 2xx would tell who asked for a WebSocket that it has one (RFC 8441 section 5). */
  respond(head: ResponseHead, request: RequestHead, origin: Consumer): H2Relay | undefined {
    if (this.webSocketKey !== undefined && head.status < 300) return undefined;
    const fields = toFields(head.fields);
    fields[':status'] = head.status;
    if (head.length >= 0 && !head.chunked && head.status !== 204) fields['content-length'] = head.length;
    return new H2Relay(this.#stream, this.outlet, origin, head, fields, request.method);
  }

  refuse({ status, head, body }: RefusalResponse): void {
    const fields = toFields(head, head.indexOf('\r\n') + 2);
    fields[':status'] = status;
    this.outlet.respond(fields, { endStream: body.length === 0 });
    this.outlet.write(body, 0, body.length, undefined, undefined, true);
  }

  upgrade(head: ResponseHead): boolean {
    const fields = toFields(head.fields);
    const key = this.webSocketKey;
    if (key === undefined || head.upgrade.toLowerCase() !== 'websocket') return false;
    if (single(fields, 'sec-websocket-accept') !== webSocketAccept(key)) return false;
    // The key was ours, and so is the proof.
    delete fields['sec-websocket-accept'];
    fields[':status'] = 200;
    this.outlet.respond(fields);
    return true;
  }

  bytes(buffer: Buffer, start: number, end: number, lease: Lease | undefined, owner: Consumer | undefined): void {
    this.outlet.write(buffer, start, end, lease, owner);
  }
}
