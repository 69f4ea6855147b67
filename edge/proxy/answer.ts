import { STATUS_CODES } from 'node:http';
import type { Answer } from '../visit.ts';
import type { RefusalResponse } from './refusal.ts';

const NOTHING = Buffer.alloc(0);

/** What is known of the request when a stage answers it. */
export interface AnswerFrame {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly method: string;
  /** The connection ends with this response. */
  readonly close: boolean;
}

/** The whole response for a stage's own answer. */
export function renderAnswer({ status, fields, body }: Answer, frame: AnswerFrame): RefusalResponse {
  const bodiless = status === 204 || status === 304;
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${new Date(frame.time).toUTCString()}\r\n${fields}` +
    (bodiless ? '' : `Content-Length: ${body.length}\r\n`) +
    `X-Request-Id: ${frame.requestId}\r\n${frame.close ? 'Connection: close\r\n' : ''}\r\n`;
  return { status, head, body: bodiless || frame.method === 'HEAD' ? NOTHING : body };
}
