import type { Result } from '../../shared/domain/result.ts';
import { createSplice, type SpliceListener } from '../../shared/node/splice.ts';
import type { StreamHandler } from '../../shared/node/stream.ts';
import type { AgentStream } from '../../shared/node/tunnel-stream.ts';
import { RESET } from '../../shared/wire/codes.ts';
import { decodeOpen, type OpenRequest, openedWord } from '../../shared/wire/open.ts';
import type { DatagramOrigin } from './datagram-origin.ts';
import type { ConnectionWatch } from './inspect/inspector.ts';
import { TappedHandler, TappedStream } from './inspect/tapped-stream.ts';
import type { DialSignal, OriginConnection, OriginRefusal } from './origin.ts';

export type DialOrigin = (target: OpenRequest, signal: DialSignal) => Promise<Result<OriginConnection, OriginRefusal>>;

/** Tells the one dial of a stream that nobody waits for it any more. */
class Departure implements DialSignal, SpliceListener {
  aborted = false;
  #listener: (() => void) | undefined;
  #onEnd: (() => void) | undefined;

  /** `onEnd` is called once, when the stream is over. */
  constructor(onEnd: (() => void) | undefined) {
    this.#onEnd = onEnd;
  }

  onSpliceEnd(): void {
    this.aborted = true;
    this.#listener?.();
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = undefined;
  }
}

const ignore: StreamHandler = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

/**
 * Serves one stream that the edge opened: dials the target that `payload` names, reports how long that took, and joins
 * the two. What the visitor sends meanwhile waits, bounded by the stream's window. A visitor who leaves ends the dial.
 * `watch` is asked once whether it wants a copy of what passes.
 */
export function serveOrigin(
  stream: AgentStream,
  payload: Uint8Array,
  dial: DialOrigin,
  datagrams: Pick<DatagramOrigin, 'serve'>,
  watch?: ConnectionWatch,
): StreamHandler {
  const target = decodeOpen(payload);
  if (target === undefined) {
    stream.reset(RESET.NOT_ALLOWED, 'the target is malformed');
    return ignore;
  }
  if (target.udp === true) return datagrams.serve(stream, target);
  const tap = watch?.tap(target);
  if (tap === undefined) return connect(stream, target, dial, watch?.unread(target));
  return new TappedHandler(connect(new TappedStream(stream, tap), target, dial), tap);
}

function connect(stream: AgentStream, target: OpenRequest, dial: DialOrigin, onEnd?: () => void): StreamHandler {
  const gone = new Departure(onEnd);
  const splice = createSplice(stream, gone);
  void dial(target, gone).then((dialled) => {
    if (!dialled.ok) {
      if (!gone.aborted) stream.reset(dialled.error.code, dialled.error.reason);
      gone.onSpliceEnd();
      return;
    }
    const { dialMicros, http2 } = dialled.value;
    if (!gone.aborted) stream.opened(openedWord(dialMicros, http2));
    splice.join(dialled.value.socket);
  });
  return splice;
}
