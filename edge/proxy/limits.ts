/**
 * The bounds of one visitor's request and one origin's response that are no settings; `edge/limits.ts` has those.
 * Everything that can grow has one.
 */

/** Bytes of a response's head, status line and final empty line included. */
export const HEAD_LIMIT = 64 * 1024;
/** Field lines of a response's head. */
export const FIELD_LIMIT = 200;
/** Bytes of a request target. */
export const TARGET_LIMIT = 16 * 1024;
/** Characters of a method. The longest registered one has 17. */
export const METHOD_LIMIT = 32;
/** Bytes of the extensions of one chunk, and of all chunks of a message. */
export const EXTENSION_LIMIT = 256;
export const EXTENSIONS_LIMIT = 16 * 1024;
/** Bytes of a trailer section. */
export const TRAILER_LIMIT = 8 * 1024;
/** Digits of a chunk size, leading zeros included, and the largest size: below every 32-bit overflow. */
export const CHUNK_DIGITS = 8;
export const CHUNK_LIMIT = 0x7fff_ffff;
/** Times that a request may have come through an edge before. Services may lead to services, but not to themselves. */
export const HOP_LIMIT = 8;
/** Interim (1xx) responses to one request. */
export const INTERIM_LIMIT = 32;

/** Bytes that a visitor must take a second of a large write, beyond `read-idle-time`. */
export const WRITE_RATE = 8 * 1024;
/** Milliseconds of silence after which the system asks whether the visitor is still there. */
export const KEEP_ALIVE_PROBE = 60_000;
/** Milliseconds that an exchange may go on once the visitor has closed its sending side. */
export const HALF_CLOSED_TIMEOUT = 10_000;
/** Milliseconds without a byte after which an upgraded connection with one closed side ends. */
export const UPGRADE_HALF_CLOSED_TIMEOUT = 120_000;
/** Bytes of an unwanted request body that are read and thrown away to keep the connection. */
export const DISCARD_LIMIT = 64 * 1024;
/** After a last response: milliseconds and bytes for the visitor to read it and close, before the connection is cut. */
export const LINGER_TIMEOUT = 5_000;
export const LINGER_LIMIT = 8 * 1024 * 1024;
/** Bytes waiting for the visitor above which no further pipelined request is begun. */
export const OUTLET_HIGH = 64 * 1024;

/**
 * Milliseconds that an origin's keep-alive stream rests before it is given up. Node closes after 5 s, and a request
 * that crosses the origin's FIN is lost, so ours goes first.
 */
export const ORIGIN_IDLE_TIMEOUT = 4_000;
/** A request that could not be repeated takes only a stream that rested no longer than this many milliseconds. */
export const ORIGIN_FRESH = 1_000;
/** Resting streams a target and in all. */
export const IDLE_PER_TARGET = 256;
export const IDLE_TOTAL = 4096;
