/**
 * The bounds of one visitor's HTTP/2 connection that are no settings (`edge/limits.ts` has those). Those of its single
 * requests are in `limits.ts`.
 */

/**
 * Bytes that a visitor may send on a stream before somebody has read them, and how many while no more than `BULK_STREAMS`
 * have a body to send.
 */
export const STREAM_WINDOW = 64 * 1024;
export const BULK_WINDOW = 1024 * 1024;
export const BULK_STREAMS = 4;
/** The same for the whole connection; node:http2 hands this credit back at once, so it bounds nothing. */
export const CONNECTION_WINDOW = 16 * 1024 * 1024;
/** Fields that a section may have beyond a head's, for the crumbs of a cookie. */
export const CRUMBS = 100;
/** SETTINGS of one frame. */
export const SETTINGS_LIMIT = 32;
/**
 * What each byte sent adds to the bytes that may be neither a request's head nor its body (`h2-overhead-rate`). A fast
 * download takes about 13 bytes of window updates for each 16 KiB; all else there (priorities, empty frames, pings,
 * padding) has no use in such amounts.
 */
export const OVERHEAD_SHARE = 1 / 256;
/** The same for each byte read of heads and bodies: frames of 600 bytes have so much of a header. */
export const FRAMING_SHARE = 1 / 64;
/**
 * Bytes that may still come of bodies after their streams have ended (an upload that was answered before it was whole, or
 * given up by the visitor), and what is added to that each second. So much may be under way in `BULK_STREAMS` windows.
 */
export const LATE = BULK_STREAMS * BULK_WINDOW;
export const LATE_RATE = 256 * 1024;
/** Milliseconds until it is looked again whether a whole answer has left whose visitor still sends. */
export const STOP_WAIT = 20;
/** Streams that may be broken off before the next ones are taken up with a delay. */
export const UNSUSPICIOUS_RESETS = 16;
/** Invalid frames, and streams beyond the limit, that are borne before the connection ends. */
export const INVALID_LIMIT = 100;
export const REJECTED_LIMIT = 100;
/**
 * Megabytes that node:http2 may hold for one connection, beyond which it refuses further streams. Most of it is bodies
 * on their way to a visitor, which the tunnel's windows bound already: downloads side by side must not get here.
 */
export const SESSION_MEMORY = 256;
/** Milliseconds between the notice of a drain and its last word, for streams that are on their way. */
export const NOTICE_TIME = 2_000;
