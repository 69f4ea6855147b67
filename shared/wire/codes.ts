/** Why a stream was reset (the RESET frame carries it). Numbers are the protocol: never reuse one. */
export const RESET = {
  /** The sender no longer needs the stream. */
  CANCELLED: 1,
  /** Nothing listens at the target. */
  REFUSED: 2,
  /** The target's name cannot be resolved. */
  UNRESOLVED: 3,
  /** The target did not accept in time. */
  TIMEOUT: 4,
  /** The agent's user has not allowed the target. */
  NOT_ALLOWED: 5,
  /** The target's TLS certificate is not trusted. */
  UNTRUSTED: 6,
  /** The connection to the target broke. */
  BROKEN: 7,
  /** A bound was reached (streams, memory). */
  LIMIT: 8,
  /** The tunnel is shutting down; safe to retry elsewhere when nothing was sent. */
  GOING_AWAY: 9,
  /** Local only, never on the wire: what came from the origin is no answer in its protocol. */
  BAD_ANSWER: 253,
  /** Local only: the origin has not begun with the request; safe to retry when nothing of its body was sent. */
  UNPROCESSED: 254,
  /** Local only, never on the wire: the tunnel under the stream is gone. */
  TUNNEL_LOST: 255,
} as const;
export type ResetCode = (typeof RESET)[keyof typeof RESET];

/** Why a tunnel ends (the GO_AWAY frame carries it). */
export const GO_AWAY = {
  /** Planned: streams may finish, no new ones. */
  SHUTDOWN: 1,
  /** The peer broke the protocol. */
  PROTOCOL: 2,
  /** The peer exceeded a hard cap. */
  LIMIT: 3,
  /** No common protocol version. */
  VERSION: 4,
  /** The credential is unknown or revoked. */
  CREDENTIAL: 5,
  /** The peer fell silent. */
  TIMEOUT: 6,
  /** A newer tunnel of the same agent takes its place. */
  REPLACED: 7,
  /** Something failed inside the sender. */
  INTERNAL: 8,
} as const;
export type GoAwayCode = (typeof GO_AWAY)[keyof typeof GO_AWAY];
