import type { ResetCode } from '../wire/codes.ts';

/**
 * A read buffer on loan. Bytes handed to a callback may be kept past it only under `hold()`; each hold needs one
 * `release()`, after which the buffer is recycled and its content changes.
 */
export interface Lease {
  hold(): void;
  release(): void;
  /** True when many buffers are on loan already: copy rather than hold for long. */
  readonly scarce: boolean;
}

/** What the owner of a stream is told. After `onReset` nothing follows. After a local `reset()` nothing at all. */
export interface StreamHandler {
  /** The agent has connected to the target; `dialMicros` is how long that took. Edge side only. */
  onOpened?(dialMicros: number): void;
  /**
   * Bytes `[start, end)` of `buffer` arrived. They stay valid during the call, longer only under `lease.hold()`.
   * The handler owes one `stream.consumed(end - start)`, now or when it has got rid of them: that returns credit.
   */
  onData(buffer: Buffer, start: number, end: number, lease: Lease): void;
  /** The peer sends no more (half-close). The other direction stays open. */
  onEnd(): void;
  /** The peer or the tunnel broke the stream off; `reason` is for the log. */
  onReset(code: ResetCode, reason: string): void;
  /** `writable` turned true after it had been false. */
  onWritable(): void;
  /** `writable` turned false unasked, since too much waits in the tunnel: stop reading the source until `onWritable`. */
  onFull?(): void;
}

/** One byte stream inside a tunnel. */
export interface TunnelStream {
  readonly id: number;
  /** Copies `bytes[start, end)` out; they leave with the tunnel's next write. Check `writable` between writes. */
  write(bytes: Uint8Array, start?: number, end?: number): void;
  /** Writes `text` as Latin-1 straight into the outgoing buffer. */
  writeLatin1(text: string): void;
  /** False when the peer's window or the tunnel's queue is full: stop reading the source until `onWritable`. */
  readonly writable: boolean;
  /** Half-close: no more bytes from this side. */
  end(): void;
  /** Ends both directions at once and forgets the stream. Idempotent. */
  reset(code: ResetCode): void;
  /** Returns credit for `n` bytes that `onData` handed out. */
  consumed(n: number): void;
}

/** The edge's view of all tunnels: how a stage opens a stream to an agent. */
export interface StreamOpener {
  /**
   * Opens a stream to a target of agent `agentId`; `open` is an encoded OPEN payload (`wire/open.ts`). Bytes may be
   * written at once; a failed dial comes back as `onReset`. Returns why not when there is no tunnel or no room.
   */
  open(agentId: string, open: Uint8Array, handler: StreamHandler): TunnelStream | 'agent_offline' | 'busy';
  /** Smoothed round-trip time of the agent's link in milliseconds; 0 when unknown. */
  roundTrip(agentId: string): number;
  /** The path's own round trip, without queues, in milliseconds; 0 when unknown. */
  shortestRoundTrip(agentId: string): number;
}
