import type { TargetProblem } from '../../shared/domain/status.ts';
import type { Consumer } from '../../shared/node/socket-sink.ts';
import type { Lease, StreamHandler, TunnelStream } from '../../shared/node/stream.ts';
import { RESET, type ResetCode } from '../../shared/wire/codes.ts';
import { problemOf } from '../../shared/wire/reset-meaning.ts';
import type { RouteTarget } from '../visit.ts';

/** Who uses an origin's stream for the time of one exchange. */
export interface OriginUser {
  originData(buffer: Buffer, start: number, end: number, lease: Lease): void;
  originEnd(): void;
  originReset(code: ResetCode): void;
  originWritable(): void;
  /** The origin takes no more just now, and would not have said so before it had. */
  originFull(): void;
}

/** Where an origin's streams come from and rest: the pool of one target. */
export interface OriginKeeper {
  /** The target as the newest route table has it. */
  readonly target: RouteTarget;
  /** Keeps `origin` for the next exchange. `keepAlive`: seconds that the origin promised, -1 when it did not say. */
  rest(origin: OriginStream, keepAlive: number, now: number): void;
  /** `origin` rests no more. */
  forget(origin: OriginStream): void;
  /** How a dial of the target went; `undefined` when it was answered. */
  dialled(problem: TargetProblem | undefined): void;
}

/** The way to an origin that an exchange writes its request to, as text of HTTP/1.1, whatever carries it. */
export interface Origin extends Consumer {
  readonly pool: OriginKeeper;
  /** False when it takes no more for now: `originWritable` follows. */
  readonly writable: boolean;
  /** It has served an exchange before this one. */
  readonly reused: boolean;
  /** The agent has connected to the origin. */
  readonly opened: boolean;
  /** Who is told what comes back. Before anything is written. */
  use(user: OriginUser): void;
  /** Ends the use; the caller rests or resets it. */
  leave(): void;
  /** Keeps it for the next exchange; see `OriginKeeper`. */
  rest(keepAlive: number, now: number): void;
  write(bytes: Uint8Array, start: number, end: number): void;
  /** Writes `text` as Latin-1. The request's head is the first of these, and whole. */
  writeText(text: string): void;
  /** Half-close. */
  end(): void;
  /** Forgets it, at once and for good. Idempotent. */
  reset(): void;
}

/** One connection to an origin, through the tunnel. It serves one exchange after another. */
export class OriginStream implements StreamHandler, Origin {
  readonly pool: OriginKeeper;
  #stream: TunnelStream | undefined;
  #user: OriginUser | undefined;
  #gone = false;
  /** It has served an exchange before this one. */
  reused = false;
  /** The agent has connected to the origin. */
  opened = false;
  /** When it began to rest, and until when it may (monotonic milliseconds). */
  restingSince = 0;
  restsUntil = 0;

  constructor(pool: OriginKeeper) {
    this.pool = pool;
  }

  /** Gives it the tunnel's stream, which is known only after the handler. */
  attach(stream: TunnelStream): void {
    this.#stream = stream;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get writable(): boolean {
    return this.#stream?.writable ?? false;
  }

  use(user: OriginUser): void {
    this.#user = user;
  }

  /** Ends the use; the caller rests or resets the stream. */
  leave(): void {
    this.#user = undefined;
    this.reused = true;
  }

  rest(keepAlive: number, now: number): void {
    this.pool.rest(this, keepAlive, now);
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#gone && end > start) this.#stream?.write(bytes, start, end);
  }

  writeText(text: string): void {
    if (!this.#gone) this.#stream?.writeLatin1(text);
  }

  end(): void {
    if (!this.#gone) this.#stream?.end();
  }

  consumed(count: number): void {
    if (!this.#gone && count > 0) this.#stream?.consumed(count);
  }

  /** Forgets the stream, at once and for good. Idempotent. */
  reset(): void {
    this.#user = undefined;
    if (this.#gone) return;
    this.#gone = true;
    this.#stream?.reset(RESET.CANCELLED);
  }

  onOpened(): void {
    this.opened = true;
    this.pool.dialled(undefined);
  }

  onData(buffer: Buffer, start: number, end: number, lease: Lease): void {
    if (this.#user !== undefined) this.#user.originData(buffer, start, end, lease);
    // Bytes that nobody asked for could be taken for the answer to the next request.
    else this.#drop();
  }

  onEnd(): void {
    if (this.#user !== undefined) this.#user.originEnd();
    else this.#drop();
  }

  onReset(code: ResetCode): void {
    if (this.#gone) return;
    this.#gone = true;
    const problem = problemOf(code);
    if (problem !== undefined) this.pool.dialled(problem);
    const user = this.#user;
    this.#user = undefined;
    if (user === undefined) this.pool.forget(this);
    else user.originReset(code);
  }

  onWritable(): void {
    this.#user?.originWritable();
  }

  onFull(): void {
    this.#user?.originFull();
  }

  #drop(): void {
    this.pool.forget(this);
    this.reset();
  }
}
