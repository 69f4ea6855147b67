import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease } from '../../shared/node/stream.ts';
import { interimText } from './forward-head.ts';
import type { Outlet } from './outlet.ts';
import type { RefusalResponse } from './refusal.ts';
import type { Reply } from './reply.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseRelay } from './response-relay.ts';

/** Answers in HTTP/1.1. */
export class TextReply implements Reply {
  readonly #outlet: Outlet;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  interim(head: ResponseHead): void {
    this.#outlet.text(interimText(head));
  }

  respond(head: ResponseHead, request: RequestHead, origin: Consumer, close: boolean): ResponseRelay {
    return new ResponseRelay(this.#outlet, origin, head, request, close);
  }

  refuse({ head, body }: RefusalResponse): void {
    this.#outlet.piece(head, body, 0, body.length, '', undefined, undefined);
  }

  upgrade(head: ResponseHead): boolean {
    if (head.upgrade === '') return false;
    this.#outlet.text(interimText(head));
    return true;
  }

  bytes(buffer: Buffer, start: number, end: number, lease: Lease | undefined, owner: Consumer | undefined): void {
    this.#outlet.piece('', buffer, start, end, '', lease, owner);
  }
}
