/**
 * The JSON frames that carry the contract of `ipc.ts` over a byte stream: one a line on the local socket, one a
 * message on the web shell's WebSocket.
 *
 *   client → main   HelloFrame first (the WebSocket demands it, with the session's key), then CallFrames
 *   main → client   ReplyFrames in any order, EventFrames for what the hello subscribed to
 */
import { z } from 'zod';
import { EVENT_NAMES, type EventName, type Events, type Reply } from './ipc.ts';

/** Opens a conversation. `key` is what the web shell's link handed to the page in `#key=…`. */
export const helloFrameSchema = z.strictObject({
  key: z.string().max(200).optional(),
  subscribe: z.array(z.enum(EVENT_NAMES)).max(EVENT_NAMES.length).default([]),
});
export type HelloFrame = z.input<typeof helloFrameSchema>;

/** A call. `channel` and `input` are judged by dispatch, which answers unknown ones with a `Failure`. */
export const callFrameSchema = z.strictObject({
  id: z.int().min(0),
  channel: z.string().max(64),
  input: z.unknown().optional(),
});
export type CallFrame = z.input<typeof callFrameSchema>;

/** The answer to the call with the same `id`. */
export interface ReplyFrame {
  readonly id: number;
  readonly reply: Reply<unknown>;
}

/** Something that main pushes; a `state` comes at once after the hello. */
export type EventFrame = { [E in EventName]: { readonly event: E; readonly value: Events[E] } }[EventName];

/** Why the web shell closes a WebSocket (RFC 6455 section 7.4.2, private use range). */
export const CLOSE = {
  /** The key is unknown: this page needs a new link, trying again is useless. */
  keyUnknown: 4401,
  /** A frame that is not one of these. */
  malformed: 4400,
  /** The client did not take what it was sent, or said nothing in time; it may connect again. */
  tooSlow: 4408,
  /** Too many windows at once. */
  tooMany: 4429,
} as const;
