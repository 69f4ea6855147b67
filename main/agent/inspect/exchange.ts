import type { ExchangeSummary } from '../../../shared/contract/inspect.ts';
import type { OpenRequest } from '../../../shared/wire/open.ts';
import { Capture, type CaptureBudget } from './capture.ts';
import { type MessageHead, valuesOf } from './message-parser.ts';
import { maskPath } from './secrets.ts';

/** What a replay repeats. */
export interface ReplayMark {
  readonly of: number;
  readonly edited: boolean;
}

/** When an exchange begins: wall clock, and milliseconds that never go back. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** One request and what was answered, as kept in memory: with its secrets, which stay in this process. */
export class Exchange {
  readonly id: number;
  readonly serviceId: string;
  readonly target: OpenRequest;
  readonly began: Moment;
  request: MessageHead;
  readonly requestBody: Capture;
  readonly responseBody: Capture;
  readonly replay: ReplayMark | undefined;
  response: MessageHead | undefined;
  /** What the connection took to open, in milliseconds, where this was its first request. */
  connect: number | undefined;
  /** Milliseconds since `began`. */
  requestEnd: number | undefined;
  responseStart: number | undefined;
  end: number | undefined;
  state: ExchangeSummary['state'] = 'open';
  /** Fields that came after a body. */
  requestTrailers: MessageHead['headers'] = [];
  responseTrailers: MessageHead['headers'] = [];
  /** It became a connection of another protocol. */
  upgraded = false;
  readonly #budget: CaptureBudget;
  #weight = 0;
  #released = false;

  constructor(
    id: number,
    target: OpenRequest & { readonly service: string },
    request: MessageHead,
    began: Moment,
    budget: CaptureBudget,
    replay?: ReplayMark,
  ) {
    this.id = id;
    this.serviceId = target.service;
    this.target = target;
    this.began = began;
    this.request = request;
    this.#budget = budget;
    this.requestBody = new Capture(budget);
    this.responseBody = new Capture(budget);
    this.replay = replay;
    this.#weigh(weightOf(request));
  }

  get method(): string {
    return this.request.first[0];
  }

  get http2(): boolean {
    return this.request.first[2] === 'HTTP/2';
  }

  /** The request has passed whole. */
  sent(at: number): void {
    this.requestEnd = at - this.began.monotonic;
  }

  answer(response: MessageHead, at: number): void {
    this.response = this.#released ? withoutHeaders(response) : response;
    this.responseStart = at - this.began.monotonic;
    this.#weigh(weightOf(response));
  }

  /** Fields after a body; only the last such section counts, as there may be only one. */
  trail(side: 'request' | 'response', headers: MessageHead['headers']): void {
    if (this.#released) return;
    const before = side === 'request' ? this.requestTrailers : this.responseTrailers;
    if (side === 'request') this.requestTrailers = headers;
    else this.responseTrailers = headers;
    this.#weigh(weightOfHeaders(headers) - weightOfHeaders(before));
  }

  /** It is over: as it should be, cut off, or as far as anybody can tell from here. */
  finish(state: 'done' | 'broken' | 'lost', at: number): void {
    if (this.state !== 'open') return;
    this.state = state;
    this.end = at - this.began.monotonic;
  }

  summary(): ExchangeSummary {
    const type = this.response && valuesOf(this.response, 'content-type')[0]?.split(';')[0]?.trim().toLowerCase();
    return {
      id: this.id,
      serviceId: this.serviceId,
      time: this.began.now,
      method: this.method,
      path: maskPath(this.request.first[1]),
      ...(this.response === undefined ? {} : { status: Number(this.response.first[1]) }),
      state: this.state,
      ...(this.end === undefined ? {} : { duration: this.end }),
      ...(this.http2 ? { http2: true as const } : {}),
      requestBytes: this.requestBody.size,
      responseBytes: this.responseBody.size,
      ...(type === undefined || type === '' ? {} : { type: type.slice(0, 128) }),
      ...(this.replay === undefined ? {} : { replayOf: this.replay.of }),
      ...(this.replay?.edited === true ? { edited: true } : {}),
    };
  }

  /** Gives back its share of the memory, and keeps no more than following it to its end takes. */
  release(): void {
    this.#released = true;
    this.requestBody.release();
    this.responseBody.release();
    this.request = withoutHeaders(this.request);
    if (this.response !== undefined) this.response = withoutHeaders(this.response);
    this.requestTrailers = [];
    this.responseTrailers = [];
    this.#budget.take(-this.#weight);
    this.#weight = 0;
  }

  #weigh(weight: number): void {
    if (this.#released || !this.#budget.take(weight)) return;
    // Making room may have cost this very one its place.
    if (this.#released) this.#budget.take(-weight);
    else this.#weight += weight;
  }
}

const weightOf = ({ first, headers }: MessageHead): number => first.join('').length + weightOfHeaders(headers);

function weightOfHeaders(headers: MessageHead['headers']): number {
  let weight = 0;
  for (const [name, value] of headers) weight += name.length + value.length + 64;
  return weight;
}

const withoutHeaders = ({ first }: MessageHead): MessageHead => ({ first, headers: [] });
