import type { Socket } from 'node:net';
import { err, ok, type Result } from '../domain/result.ts';
import { GO_AWAY, type GoAwayCode } from '../wire/codes.ts';
import { decodeReason, encodeGoAway, readWord } from '../wire/encode.ts';
import { FRAME, type FrameType, HEADER, MAX_HELLO, MAX_REASON } from '../wire/frame.ts';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome, type Hello, type Welcome } from '../wire/handshake.ts';
import type { Clock } from './clock.ts';

/** Milliseconds that a peer has for its first frame. */
const HANDSHAKE_TIME = 10_000;

/** Why there is no tunnel. The socket is closed by then. */
export type HandshakeFailure =
  /** The other side, or `verify` on this one, said no. */
  | { readonly kind: 'refused'; readonly code: GoAwayCode; readonly reason: string }
  /** What came isn't this protocol. */
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'timeout' }
  /** The connection ended first. */
  | { readonly kind: 'broken'; readonly reason: string };

export interface HandshakeOptions {
  readonly clock: Clock;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the peer's first frame; default 10 s. */
  readonly timeout?: number;
}

/** The agent's side: introduces itself over a connected socket and waits for the edge's WELCOME. */
export async function agentHandshake(
  socket: Socket,
  hello: Hello,
  options: HandshakeOptions,
): Promise<Result<Welcome, HandshakeFailure>> {
  socket.write(encodeHello(hello));
  const frame = await firstFrame(socket, options);
  if (!frame.ok) return frame;
  const { type, payload } = frame.value;
  if (type === FRAME.GO_AWAY) {
    socket.destroy();
    return err({ kind: 'refused', code: goAwayCode(payload[0]), reason: decodeReason(payload) });
  }
  const welcome = type === FRAME.WELCOME ? decodeWelcome(payload) : err('malformed' as const);
  if (welcome.ok) return welcome;
  return err(refuse(socket, welcome.error));
}

/**
 * The edge's side: waits for HELLO, asks `verify`, and answers with its WELCOME or refuses with its code. The peer's
 * credential is in the hello: don't log it.
 */
export async function edgeHandshake(
  socket: Socket,
  verify: (hello: Hello) => Promise<Welcome | GoAwayCode>,
  options: HandshakeOptions,
): Promise<Result<Hello, HandshakeFailure>> {
  const frame = await firstFrame(socket, options);
  if (!frame.ok) return frame;
  const { type, payload } = frame.value;
  const hello = type === FRAME.HELLO ? decodeHello(payload) : err('malformed' as const);
  if (!hello.ok) return err(refuse(socket, hello.error));
  const verdict = await verify(hello.value);
  if (typeof verdict === 'number') {
    const reason = verdict === GO_AWAY.CREDENTIAL ? 'credential refused' : 'not now';
    hangUp(socket, verdict, reason);
    return err({ kind: 'refused', code: verdict, reason });
  }
  if (socket.destroyed) return err({ kind: 'broken', reason: 'the agent left during the handshake' });
  socket.write(encodeWelcome(verdict));
  return ok(hello.value);
}

const goAwayCode = (value: number | undefined): GoAwayCode =>
  Object.values(GO_AWAY).find((code) => code === value) ?? GO_AWAY.INTERNAL;

function refuse(socket: Socket, problem: 'malformed' | 'version'): HandshakeFailure {
  if (problem === 'version') {
    hangUp(socket, GO_AWAY.VERSION, 'this side speaks protocol 1');
    return { kind: 'refused', code: GO_AWAY.VERSION, reason: 'the peer speaks another protocol version' };
  }
  hangUp(socket, GO_AWAY.PROTOCOL, 'malformed handshake');
  return { kind: 'malformed', reason: 'malformed handshake' };
}

/** Says why and closes; a peer that doesn't close in turn is cut by the time limit on the socket. */
function hangUp(socket: Socket, code: GoAwayCode, reason: string): void {
  socket.on('error', () => socket.destroy());
  socket.once('end', () => socket.destroySoon());
  socket.setTimeout(1_000, () => socket.destroy());
  socket.resume();
  socket.end(encodeGoAway(code, reason));
}

interface FirstFrame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

/** Reads one handshake frame, puts what follows it back, and leaves the socket paused. */
function firstFrame(socket: Socket, options: HandshakeOptions): Promise<Result<FirstFrame, HandshakeFailure>> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (result: Result<FirstFrame, HandshakeFailure>): void => {
      stopTimer();
      options.signal?.removeEventListener('abort', onAbort);
      socket.off('data', onData).off('error', onError).off('close', onClose).off('end', onClose);
      // An error between now and the tunnel must not go unhandled; 'close' follows and is looked at there.
      socket.on('error', () => socket.destroy());
      socket.pause();
      resolve(result);
    };
    const fail = (failure: HandshakeFailure): void => {
      settle(err(failure));
      if (failure.kind === 'malformed') hangUp(socket, GO_AWAY.PROTOCOL, failure.reason);
      else socket.destroy();
    };
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const found = parseFirst(bytes);
      if (found === undefined) return;
      if (found === 'malformed') {
        fail({ kind: 'malformed', reason: 'malformed handshake' });
        return;
      }
      const end = HEADER + found.payload.length;
      settle(ok(found));
      if (bytes.length > end) socket.unshift(bytes.subarray(end));
    };
    const onError = (error: Error): void => fail({ kind: 'broken', reason: error.message });
    const onClose = (): void => fail({ kind: 'broken', reason: 'the connection was closed' });
    const onAbort = (): void => fail({ kind: 'broken', reason: 'given up' });
    const stopTimer = options.clock.setTimeout(() => fail({ kind: 'timeout' }), options.timeout ?? HANDSHAKE_TIME);
    if (socket.destroyed) return onClose();
    if (options.signal?.aborted === true) return onAbort();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('data', onData).on('error', onError).on('close', onClose).on('end', onClose);
    socket.resume();
  });
}

/** The first frame, once it is whole. Its cap is checked on the header, so at most 4 KiB and one read are kept. */
function parseFirst(bytes: Buffer): FirstFrame | 'malformed' | undefined {
  if (bytes.length < HEADER) return undefined;
  const type = bytes[0];
  const length = readWord(bytes, 0) & 0xffffff;
  if (type !== FRAME.HELLO && type !== FRAME.WELCOME && type !== FRAME.GO_AWAY) return 'malformed';
  const most = type === FRAME.GO_AWAY ? MAX_REASON + 1 : MAX_HELLO;
  if (length < 1 || length > most || readWord(bytes, 4) !== 0) return 'malformed';
  if (bytes.length < HEADER + length) return undefined;
  return { type, payload: bytes.subarray(HEADER, HEADER + length) };
}
