/**
 * One frame of the tunnel protocol:
 *
 *   byte 0     type
 *   byte 1-3   length of the payload, big endian
 *   byte 4-7   stream, big endian; 0 for frames that speak of the tunnel itself
 *   byte 8-    payload
 *
 *   DATA     bytes                          1 to 256 KiB
 *   OPEN     target (`open.ts`)             edge to agent; ids run 1, 2, 3, …
 *   OPENED   microseconds of the dial (4)   agent to edge, before its first DATA or FIN
 *   WINDOW   bytes of new credit (4)
 *   FIN      nothing                        half-close
 *   RESET    code (1), reason (ASCII)
 *   PING     token (8)
 *   PONG     the token of the PING (8)
 *   GO_AWAY  code (1), reason (ASCII)
 *   HELLO    JSON (ASCII)                   the agent's first frame
 *   WELCOME  JSON (ASCII)                   the edge's first frame, unless it is GO_AWAY
 *   CONTINUE carrier (4), stream there (4)  edge to agent; takes the next id for a stream that leaves that carrier
 *   MOVE     nothing                        the sender's bytes end here and go on where CONTINUE said; no FIN is meant
 *
 * A stream moves between two carriers of one link like this. The edge sends CONTINUE on the new one and MOVE, as its
 * last frame of that stream, on the old one, in whichever order they arrive. The agent answers with MOVE on the old one
 * once it has both, and from then on uses the new one. What arrives on the new one before the old one's MOVE waits.
 *
 * Numbers are the protocol: never reuse one.
 */
export const FRAME = {
  DATA: 0,
  OPEN: 1,
  OPENED: 2,
  WINDOW: 3,
  FIN: 4,
  RESET: 5,
  PING: 6,
  PONG: 7,
  GO_AWAY: 8,
  HELLO: 9,
  WELCOME: 10,
  CONTINUE: 11,
  MOVE: 12,
} as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Bytes of a frame header. */
export const HEADER = 8;
/** Most bytes of one DATA payload. A writer splits what is longer. */
export const MAX_DATA = 256 * 1024;
/** Most bytes of a reason in RESET and GO_AWAY. Longer ones are cut by the sender. */
export const MAX_REASON = 120;
/** Most bytes of an OPEN payload. */
export const MAX_OPEN = 512;
/** Most bytes of a HELLO or WELCOME. */
export const MAX_HELLO = 4096;
/** Most bytes of any payload that has to be gathered before it means something. */
export const MAX_CONTROL = MAX_HELLO;
/** Credit that each direction of a stream starts with, in bytes. */
export const INITIAL_WINDOW = 64 * 1024;
/** Highest credit that a sender may ever hold; a WINDOW past it is an error. */
export const MAX_CREDIT = 0x7fffffff;
/** Highest stream id. A tunnel that gets there drains, and the agent links anew. */
export const MAX_STREAM = 0x7fffffff;

/** Smallest and largest payload by type, checked on the header before a byte of the payload is kept. */
const LENGTHS: readonly (readonly [least: number, most: number])[] = [
  [1, MAX_DATA],
  [1, MAX_OPEN],
  [4, 4],
  [4, 4],
  [0, 0],
  [1, 1 + MAX_REASON],
  [8, 8],
  [8, 8],
  [1, 1 + MAX_REASON],
  [2, MAX_HELLO],
  [2, MAX_HELLO],
  [8, 8],
  [0, 0],
];

/** Whether `type` from the wire is a frame type. */
export const isFrameType = (type: number): type is FrameType => type >= 0 && type < LENGTHS.length;

/** Whether a payload of `length` bytes is within the hard cap of `type`. */
export function isLengthAllowed(type: FrameType, length: number): boolean {
  const bounds = LENGTHS[type];
  return bounds !== undefined && length >= bounds[0] && length <= bounds[1];
}

/** Whether frames of `type` belong to the tunnel (stream 0) and not to a stream. */
export const isTunnelFrame = (type: FrameType): boolean => type >= FRAME.PING && type <= FRAME.WELCOME;

/** What is wrong with a peer: the GO_AWAY that it is cut with. */
export interface Violation {
  readonly code: 2 | 3;
  readonly reason: string;
}
