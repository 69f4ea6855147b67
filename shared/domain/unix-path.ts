/** Longest path of a Unix socket that every system takes: `sun_path` holds 104 bytes on macOS, the final zero included. */
export const UNIX_PATH_LIMIT = 103;

/**
 * Whether `text` is the path of a Unix socket as we take it: absolute, in its one spelling (no `.`, `..` or empty
 * segments), visible ASCII and spaces, short enough for every system. So what is allowed is what is dialled, and no
 * path means an abstract socket.
 */
export function isUnixPath(text: string): boolean {
  if (text.length > UNIX_PATH_LIMIT || !/^\/[\x20-\x7e]+$/.test(text)) return false;
  return text
    .slice(1)
    .split('/')
    .every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/** The path in `unix:/path`, as people name Unix sockets; `undefined` when `text` doesn't begin like that. */
export const unixPathOf = (text: string): string | undefined => (text.startsWith('unix:') ? text.slice(5) : undefined);
