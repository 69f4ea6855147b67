import type { FailureCode } from '../../shared/domain/failure.ts';
import type { CancelTimer } from '../../shared/node/clock.ts';
import type { Lease } from '../../shared/node/stream.ts';
import type { ResetCode } from '../../shared/wire/codes.ts';
import { failureOf } from '../../shared/wire/reset-meaning.ts';
import { pageLanguage } from '../page-language.ts';
import { createRequestId } from '../request-id.ts';
import type { Answer, Denial, Pending, Verdict, Visit, VisitorConnection } from '../visit.ts';
import { renderAnswer } from './answer.ts';
import type { ProxyContext } from './context.ts';
import { Decision } from './decision.ts';
import { toAccessRecord } from './exchange-record.ts';
import { requestText, type VisitorFields } from './forward-head.ts';
import type { BodyReader } from './framing.ts';
import type { TargetLoad } from './in-flight.ts';
import { DISCARD_LIMIT, INTERIM_LIMIT } from './limits.ts';
import type { Origin, OriginUser } from './origin-stream.ts';
import { publicHead } from './public-head.ts';
import { type RefusalResponse, renderRefusal } from './refusal.ts';
import { isIdempotent, mayRepeat } from './repeat.ts';
import type { Relay, Reply } from './reply.ts';
import type { RequestBody } from './request-body.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseHeads } from './response-heads.ts';
import { headForTarget } from './target-head.ts';
import { Upgraded } from './upgraded.ts';

/** What an exchange needs of the visitor's connection. */
export interface VisitorEnd {
  readonly connection: VisitorConnection;
  readonly fields: VisitorFields;
  readonly reply: Reply;
  /** It came as a stream of an HTTP/2 connection. */
  readonly http2: boolean;
  /** The origin takes bytes again, or the exchange takes others than before. */
  flow(): void;
  /** The response is whole; `close`: it was the connection's last. */
  settled(close: boolean): void;
  /** What was begun cannot be completed: the visitor must notice. `framed`: it will, however the connection ends. */
  broken(framed: boolean): void;
  /** The origin has half-closed an upgraded connection. */
  endWriting(): void;
}

/** A request body, in either framing. */
type Body = BodyReader & Pick<RequestBody, 'pass' | 'finish' | 'withheld'>;

const WAITING = 0;
const RESPONDING = 1;
const UPGRADED = 2;
const OVER = 3;

/** A stage of ours wants the body. */
const CONTINUE: ResponseHead = {
  status: 100,
  statusText: '100 Continue',
  length: -1,
  chunked: false,
  close: false,
  keepAlive: -1,
  upgrade: '',
  fields: '',
  recurs: false,
};

/** One request and its response, or what became of them. */
export class Exchange implements OriginUser {
  readonly visit: Visit;
  body: Body;
  readonly #context: ProxyContext;
  readonly #visitor: VisitorEnd;
  readonly #head: RequestHead;
  readonly #fields: VisitorFields;
  readonly #time: number;
  readonly #startedAt: number;
  #phase: typeof WAITING | typeof RESPONDING | typeof UPGRADED | typeof OVER = WAITING;
  #origin: Origin | undefined;
  #relay: Relay | undefined;
  readonly #heads: ResponseHeads;
  #handedAt: number | undefined;
  #firstByteAt: number | undefined;
  #status = 0;
  #interims = 0;
  #continued = false;
  #sentBody = false;
  #heard = false;
  #retried = false;
  #visitorEnded = false;
  #originEnded = false;
  #refusedBytes = 0;
  #upgraded: Upgraded | undefined;
  /** A stage's, while it is still to come; `#asked` stages were asked so far. */
  #decision: Decision | undefined;
  #asked = 0;
  #stopWatch: CancelTimer | undefined;
  /** Where it is counted while it is under way. */
  #load: TargetLoad | undefined;

  /** `startedAt`: monotonic time of the request's first byte, `time`: the same on the wall clock. */
  constructor(
    context: ProxyContext,
    visitor: VisitorEnd,
    head: RequestHead,
    body: Body,
    startedAt: number,
    time: number,
  ) {
    this.#context = context;
    this.#heads = new ResponseHeads(context.responseHeads);
    this.#visitor = visitor;
    this.#head = head;
    this.#fields = visitor.fields.of(head.forwardedFor);
    this.#startedAt = startedAt;
    this.#time = time;
    this.body = body;
    this.visit = {
      id: createRequestId(time),
      connection: this.#fields.connection,
      method: head.method,
      host: head.host,
      authority: head.authority,
      // `OPTIONS *` is about the service as a whole.
      path: head.path === '*' ? '/' : head.path,
      query: head.target.length === head.path.length ? '' : head.target.slice(head.path.length),
      fields: head.fields,
      accept: head.accept,
      route: undefined,
      target: undefined,
      identity: undefined,
      forwarded: undefined,
      note: undefined,
    };
    context.exchanges++;
    context.requests++;
  }

  get over(): boolean {
    return this.#phase === OVER;
  }

  /** The connection after 101, while it lives. */
  get upgraded(): Upgraded | undefined {
    return this.#phase === UPGRADED ? this.#upgraded : undefined;
  }

  /** The response has begun. */
  get answered(): boolean {
    return this.#phase !== WAITING;
  }

  /** The next bytes of the visitor belong to this exchange, not to the next request. */
  get takesBytes(): boolean {
    if (this.#decision !== undefined && this.#decision.body === undefined) return false;
    return this.#phase === UPGRADED || !this.body.done;
  }

  /** Whether more of the visitor's bytes can be taken now. */
  get flowing(): boolean {
    return this.#phase === OVER || (this.#origin?.writable ?? this.#decision?.body !== undefined);
  }

  /** Asks the stages, then the origin. */
  start(): void {
    this.#follow(this.#judge());
  }

  /** What the stages say that were not asked yet. */
  #judge(): Verdict {
    const { stages, log } = this.#context;
    try {
      for (let stage = stages[this.#asked]; stage !== undefined; stage = stages[this.#asked]) {
        this.#asked++;
        const verdict = stage(this.visit);
        if (verdict !== undefined) return verdict;
      }
      return this.visit.target === undefined ? 'no_target' : undefined;
    } catch (error) {
      log.error('A stage failed.', { error, requestId: this.visit.id });
      return 'internal';
    }
  }

  #follow(verdict: Verdict): void {
    if (verdict === undefined) this.#send();
    else if (typeof verdict === 'string') this.#refuse(verdict);
    else if (verdict.kind === 'denial') this.#refuse(verdict.code, verdict);
    else if (verdict.kind === 'answer') this.#answer(verdict);
    else this.#await(verdict);
  }

  #await(pending: Pending): void {
    const decision = new Decision(pending, this.body, this.#context, (verdict) => {
      this.#decision = undefined;
      this.#follow(verdict === undefined ? this.#judge() : verdict);
    });
    this.#decision = decision;
    if (decision.body !== undefined) {
      this.body = decision.body;
      if (decision.body.tooLarge) {
        this.fail('body_too_large');
        return;
      }
      if (this.#leftWaiting()) {
        this.#continued = true;
        this.#visitor.reply.interim(CONTINUE);
      }
    }
    decision.proceed();
    this.#visitor.flow();
  }

  #send(): void {
    const { route, target } = this.visit;
    if (route === undefined || target === undefined) {
      this.#refuse('no_target');
      return;
    }
    if (this.#load === undefined && !this.#enter(target.id, route.serviceId)) {
      this.#refuse('busy');
      return;
    }
    const pool = this.#context.pools.of(target);
    const repeatable = this.body.done && isIdempotent(this.#head.method);
    // An upgrade is a matter of HTTP/1.1.
    const plain = this.#head.upgrade !== '';
    const now = this.#context.clock.monotonic();
    const origin = this.#retried ? pool.open(plain) : pool.take(repeatable, now, plain);
    if (typeof origin === 'string') {
      this.#refuse(origin);
      return;
    }
    this.#origin = origin;
    origin.use(this);
    const host = (route.passHostHeader ? this.#head.authority : '') || target.authority;
    const about = this.#fields.for(this.#head.authority);
    const { forwarded } = this.visit;
    if (forwarded !== undefined) this.body.withheld = forwarded.withheld;
    origin.writeText(requestText(headForTarget(this.#head, target, forwarded), host, about, this.visit.id));
    this.#handedAt ??= this.#context.clock.monotonic();
    this.#watch();
    this.#visitor.flow();
  }

  /** Takes its place among the requests under way; false when there is none. */
  #enter(targetId: string, serviceId: string): boolean {
    const { inFlight, bounds } = this.#context;
    const { source } = this.#fields;
    const load = inFlight.enter(targetId, source, this.#head.upgrade !== '');
    if (typeof load === 'string') {
      bounds.hit(load, { serviceId, address: this.#fields.address });
      return false;
    }
    this.#load = load;
    return true;
  }

  /** Gives its place back. */
  #leave(wasUpgraded: boolean): void {
    const load = this.#load;
    this.#load = undefined;
    if (wasUpgraded && load !== undefined) load.upgrades--;
    else load?.leave(this.#fields.source);
  }

  /** Takes bytes of the request body, or of an upgraded connection; returns the index of the first one not taken. */
  feed(buffer: Buffer, start: number, end: number): number {
    if (this.#phase === UPGRADED) {
      this.#upgraded?.fromVisitor(buffer, start, end);
      return end;
    }
    const stop = this.body.scan(buffer, start, end);
    if (this.body.failed) {
      this.fail('request_malformed');
      return end;
    }
    if (this.#decision !== undefined) this.#collected();
    if (this.#origin === undefined) return stop;
    this.#sentBody = true;
    this.body.pass(this.#origin, buffer, start, stop);
    this.#watch();
    return stop;
  }

  /** More of the body that a stage has asked for is there. */
  #collected(): void {
    if (this.#decision?.body?.tooLarge === true) this.fail('body_too_large');
    else this.#decision?.proceed();
  }

  /** A body that its stream frames is over; `trailers` are clean lines, each with its CRLF. */
  endBody(trailers: string): void {
    if (!this.body.close()) {
      this.fail('request_malformed');
      return;
    }
    if (this.#decision !== undefined) this.#collected();
    if (this.#origin === undefined) return;
    this.#sentBody = true;
    this.body.finish(this.#origin, trailers);
    this.#watch();
  }

  /**
   * Counts the time for the response while it is the origin's turn: it has the whole request, was asked whether it
   * wants the body, or takes no more of it. Any other moment ends the count.
   */
  #watch(): void {
    const limit = this.visit.target?.options?.responseTimeout;
    if (limit === undefined) return;
    this.#stopWatch?.();
    const waits = this.#phase === WAITING && (this.body.done || this.#leftWaiting() || !this.flowing);
    this.#stopWatch = waits ? this.#context.clock.setTimeout(() => this.fail('origin_timeout'), limit) : undefined;
  }

  /** The visitor has half-closed. Only an upgraded connection passes that on. */
  visitorEnd(): void {
    this.#visitorEnded = true;
    if (this.#phase !== UPGRADED) return;
    this.#upgraded?.visitorEnd();
    if (this.#upgraded?.over) this.#closeUpgrade(undefined);
  }

  originData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    this.#heard = true;
    if (this.#phase === UPGRADED) this.#upgraded?.fromOrigin(buffer, start, end, lease);
    else if (this.#phase === RESPONDING) this.#deliver(buffer, start, end, lease);
    else this.#readHeads(buffer, start, end, lease);
  }

  /** Reads response heads, interim ones first, and hands on what follows the final one. */
  #readHeads(buffer: Buffer, start: number, end: number, lease: Lease): void {
    const heads = this.#heads;
    heads.add(buffer, start, end);
    // Credit for what was copied goes back at once: a head is bounded.
    if (heads.copied) this.#origin?.consumed(end - start);
    const rest = heads.copied ? undefined : lease;
    let from = heads.at;
    for (let head = heads.next(); head !== 'more'; head = heads.next()) {
      if (head === 'bad') {
        this.#originFailed('origin_bad_response');
        return;
      }
      if (head.status === 408 && this.#cameTooSoon(head)) {
        this.#heard = false;
        this.#originFailed('origin_closed');
        return;
      }
      if (head.status === 101 || head.status >= 200) {
        if (!heads.copied) this.#origin?.consumed(heads.at - from);
        const shown = publicHead(head, this.visit, this.#head.authority);
        if (head.status === 101) this.#upgrade(shown, heads.buffer, heads.at, heads.end, rest);
        else this.#respond(shown, heads.buffer, heads.at, heads.end, rest);
        return;
      }
      if (++this.#interims > INTERIM_LIMIT) {
        this.#originFailed('origin_bad_response');
        return;
      }
      this.#interim(head);
      if (!heads.copied) this.#origin?.consumed(heads.at - from);
      from = heads.at;
    }
    if (!heads.copied) this.#origin?.consumed(heads.at - from);
  }

  /**
   * Some servers say 408 before they close a connection that rested for too long (RFC 9110 section 15.5.9). When that
   * crosses a request it is no answer to it: the connection was as good as closed.
   */
  #cameTooSoon(head: ResponseHead): boolean {
    const origin = this.#origin;
    if (origin === undefined || !origin.reused || !head.close || this.#retried || this.#sentBody) return false;
    return this.#interims === 0 && isIdempotent(this.#head.method);
  }

  #interim(head: ResponseHead): void {
    if (head.status === 100) this.#continued = true;
    this.#watch();
    // HTTP/1.0 knows no interim responses (RFC 9110 section 15.2).
    if (this.#head.minor === 1) this.#visitor.reply.interim(head);
  }

  #respond(head: ResponseHead, buffer: Buffer, start: number, end: number, lease: Lease | undefined): void {
    const origin = this.#origin;
    if (origin === undefined) return;
    const mustClose = this.#head.close || this.#context.draining || this.#leftWaiting();
    const relay = this.#visitor.reply.respond(head, this.#head, origin, mustClose);
    if (relay === undefined) {
      this.#originFailed('origin_bad_response');
      return;
    }
    this.#phase = RESPONDING;
    this.#status = head.status;
    const now = this.#context.clock.monotonic();
    this.#firstByteAt = now;
    this.#relay = relay;
    this.#watch();
    this.#deliver(buffer, start, end, lease, now);
  }

  /** The visitor holds its body back until the origin asks for it. */
  get awaitsContinue(): boolean {
    return this.#phase === WAITING && this.#leftWaiting();
  }

  /** Whoever waits for a 100 that never came may or may not send the body now: nobody can tell (RFC 9110 10.1.1). */
  #leftWaiting(): boolean {
    return this.#head.expectsContinue && !this.#continued && !this.body.done && !this.#sentBody;
  }

  /** `now` where it is known already: asking for the time costs more than most of what is done here. */
  #deliver(buffer: Buffer, start: number, end: number, lease: Lease | undefined, now?: number): void {
    const relay = this.#relay;
    if (relay === undefined) return;
    const stop = relay.deliver(buffer, start, end, lease);
    if (relay.failed) {
      if (relay.started) {
        this.#breakOff('origin_bad_response');
        return;
      }
      this.#phase = WAITING;
      this.#relay = undefined;
      this.#originFailed('origin_bad_response');
      return;
    }
    if (relay.done) this.#complete(stop < end, now);
  }

  /** The response is whole. `excess`: the origin sent more than that. */
  #complete(excess: boolean, now = this.#context.clock.monotonic()): void {
    const origin = this.#origin;
    const relay = this.#relay;
    if (origin === undefined || relay === undefined || this.#phase === OVER) return;
    this.#phase = OVER;
    this.#origin = undefined;
    origin.leave();
    if (excess || this.#originEnded || !relay.reusable || !this.body.done) origin.reset();
    else origin.rest(relay.keepAlive, now);
    this.#record('request', undefined, now);
    this.#visitor.settled(relay.close || !this.#keepsRest());
  }

  /** Whether what is left of the request body is worth reading to keep the connection. */
  #keepsRest(): boolean {
    if (this.body.done) return true;
    return !this.#leftWaiting() && (this.body.remaining ?? Number.POSITIVE_INFINITY) <= DISCARD_LIMIT;
  }

  #upgrade(head: ResponseHead, buffer: Buffer, start: number, end: number, lease: Lease | undefined): void {
    const origin = this.#origin;
    // A switch that nobody asked for would turn the next request into bytes of another protocol.
    if (origin === undefined || this.#head.upgrade === '' || !this.#visitor.reply.upgrade(head)) {
      this.#originFailed('origin_bad_response');
      return;
    }
    this.#phase = UPGRADED;
    this.#load?.leave(this.#fields.source);
    if (this.#load !== undefined) this.#load.upgrades++;
    this.#status = 101;
    this.#firstByteAt = this.#context.clock.monotonic();
    this.#record('open', undefined);
    const upgraded = new Upgraded(this.#context, this.#visitor.reply, origin);
    this.#upgraded = upgraded;
    if (start < end) upgraded.fromOrigin(buffer, start, end, lease);
    if (this.#visitorEnded) upgraded.visitorEnd();
    this.#visitor.flow();
  }

  /** Without `failure` both sides have closed, and what they sent may still be on its way. */
  #closeUpgrade(failure: FailureCode | undefined): void {
    this.#phase = OVER;
    if (failure === undefined) this.#origin?.leave();
    else this.#origin?.reset();
    this.#origin = undefined;
    this.#record('close', failure);
    if (failure === undefined) this.#visitor.settled(true);
    else this.#visitor.broken(false);
  }

  originEnd(): void {
    this.#originEnded = true;
    if (this.#phase === UPGRADED) {
      this.#upgraded?.originEnd();
      if (this.#upgraded?.over) this.#closeUpgrade(undefined);
      else this.#visitor.endWriting();
    } else if (this.#phase === WAITING) this.#originFailed('origin_closed');
    else if (this.#relay?.originEnd()) this.#complete(false);
    else this.#breakOff('origin_closed');
  }

  originReset(code: ResetCode): void {
    const failure = failureOf(code);
    if (this.#phase === UPGRADED) this.#closeUpgrade(failure);
    else if (this.#phase === WAITING) this.#originFailed(failure, code);
    else this.#breakOff(failure);
  }

  originWritable(): void {
    this.#watch();
    this.#visitor.flow();
  }

  originFull(): void {
    this.#visitor.flow();
  }

  /** No response came: once more where that is safe, else say so. */
  #originFailed(failure: FailureCode, code?: ResetCode): void {
    const origin = this.#origin;
    this.#origin = undefined;
    const again = origin !== undefined && this.#mayRetry(origin, failure, code);
    origin?.reset();
    if (!again) {
      this.#refuse(failure);
      return;
    }
    this.#retried = true;
    this.#originEnded = false;
    this.#send();
  }

  #mayRetry({ reused, opened }: Origin, failure: FailureCode, code: ResetCode | undefined): boolean {
    if (this.#retried || this.#heard || this.#sentBody) return false;
    return mayRepeat({ method: this.#head.method, failure, code, reused, opened });
  }

  /** Ends the exchange for a reason of this hop: an answer if there is still room for one, else a break. */
  fail(failure: FailureCode): void {
    if (this.#phase === OVER) {
      // The answer is out; what is wrong is the rest of a body that nobody wants.
      this.#visitor.broken(true);
      return;
    }
    if (this.#phase === UPGRADED) {
      this.#closeUpgrade(failure);
      return;
    }
    if (this.#phase === RESPONDING) {
      this.#breakOff(failure);
      return;
    }
    this.#origin?.reset();
    this.#origin = undefined;
    this.#refuse(failure);
  }

  #refuse(code: FailureCode, denial?: Denial): void {
    const close = this.#closes(code);
    const refusal = renderRefusal({
      code,
      requestId: this.visit.id,
      time: this.#context.clock.now(),
      method: this.#head.method,
      accept: this.#head.accept,
      host: this.#head.host,
      serviceName: this.visit.route?.name,
      targetLabel: this.visit.target?.label,
      retryAfter: denial?.retryAfter,
      about: denial?.about,
      fields: denial?.fields,
      again: denial?.again,
      language: pageLanguage(this.visit.fields),
      close,
    });
    this.#end(refusal, close, code);
  }

  #answer(answer: Answer): void {
    const close = this.#closes(answer.failure);
    const { clock } = this.#context;
    const frame = { requestId: this.visit.id, time: clock.now(), method: this.#head.method, close };
    this.#end(renderAnswer(answer, frame), close, answer.failure);
  }

  /** Whether the connection ends with a response of our own. */
  #closes(code: FailureCode | undefined): boolean {
    const keep = this.#keepsRest() && !this.body.failed && code !== 'request_timeout';
    return !keep || this.#head.close || this.#context.draining;
  }

  #end(response: RefusalResponse, close: boolean, failure: FailureCode | undefined): void {
    this.#phase = OVER;
    this.#firstByteAt = this.#context.clock.monotonic();
    this.#status = response.status;
    this.#refusedBytes = response.body.length;
    this.#visitor.reply.refuse(response);
    this.#record('request', failure);
    this.#visitor.settled(close);
  }

  /** The response has begun and cannot be completed. */
  #breakOff(failure: FailureCode): void {
    if (this.#phase === OVER) return;
    this.#phase = OVER;
    this.#origin?.reset();
    this.#origin = undefined;
    this.#record('request', failure);
    this.#visitor.broken(this.#relay?.framed ?? false);
  }

  /** The visitor is gone, or is sent away for the reason `failure`. */
  abort(failure?: FailureCode): void {
    if (this.#phase === OVER) return;
    if (this.#phase === WAITING && this.#load !== undefined) this.#load.cancelled++;
    const upgraded = this.#phase === UPGRADED;
    this.#phase = OVER;
    this.#origin?.reset();
    this.#origin = undefined;
    this.#record(upgraded ? 'close' : 'request', failure);
  }

  #record(
    kind: 'request' | 'open' | 'close',
    failure: FailureCode | undefined,
    now = this.#context.clock.monotonic(),
  ): void {
    const context = this.#context;
    if (kind !== 'open') {
      context.exchanges--;
      this.#leave(kind === 'close');
    }
    this.#watch();
    this.#decision?.giveUp();
    this.#decision = undefined;
    const { target } = this.visit;
    context.record(
      toAccessRecord({
        kind,
        visit: this.visit,
        nodeId: context.nodeId,
        protocol: this.#visitor.http2 ? 'http/2' : this.#head.minor === 1 ? 'http/1.1' : 'http/1.0',
        address: this.#fields.address,
        userAgent: this.#head.userAgent,
        time: this.#time,
        startedAt: this.#startedAt,
        handedAt: this.#handedAt,
        firstByteAt: this.#firstByteAt,
        now,
        roundTrip: target === undefined ? 0 : context.pools.tunnels.roundTrip(target.agentId),
        shortestRoundTrip: target === undefined ? 0 : context.pools.tunnels.shortestRoundTrip(target.agentId),
        status: this.#status,
        bytesUp: this.#upgraded?.bytesUp ?? this.body.dataBytes,
        bytesDown: (this.#upgraded ?? this.#relay)?.bytesDown ?? this.#refusedBytes,
        failure,
      }),
    );
  }
}
