/** The bounds of HTTP/2 connections to origins. Those of single responses are in `limits.ts`. */

/** Requests at once on one connection, less where the origin says so. */
export const ORIGIN_STREAMS = 100;
/** Connections to one target; past that, requests wait for their turn on them. */
export const ORIGIN_SESSIONS = 16;
/** Bytes that an origin may send on a stream before somebody has taken them, and on a connection. */
export const ORIGIN_STREAM_WINDOW = 512 * 1024;
export const ORIGIN_SESSION_WINDOW = 16 * 1024 * 1024;
/** Bytes of one connection that visitors have not taken, from where no more is read from it, and where that ends. */
export const ORIGIN_HELD = { most: 8 * 1024 * 1024, low: 4 * 1024 * 1024 } as const;
/** Bytes handed to one exchange that were not taken, from where its stream pauses, and where that ends. */
export const ORIGIN_UNTAKEN = { most: 256 * 1024, low: 128 * 1024 } as const;
/**
 * Fields of one section, and SETTINGS of one frame. A response has far fewer by `limits.ts`; past this one node:http2
 * says ENHANCE_YOUR_CALM on our behalf, which can't be told from the origin's own.
 */
export const ORIGIN_PAIRS = 2_000;
export const ORIGIN_SETTINGS = 32;
/** Invalid frames that are borne before the connection ends. */
export const ORIGIN_INVALID = 100;
/** Megabytes that node:http2 may hold for one connection. */
export const ORIGIN_MEMORY = 64;
/** Milliseconds that a connection without requests is kept. */
export const ORIGIN_SESSION_IDLE = 30_000;
