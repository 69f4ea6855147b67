/**
 * Cuts a byte stream into lines of at most `limit` bytes (UTF-8, ended by LF). Pure: feed it, get the lines that are
 * complete. `undefined` once a line grew past the limit; the stream is unusable then.
 */
export function createLineReader(limit: number): (chunk: Uint8Array) => string[] | undefined {
  let parts: Uint8Array[] = [];
  let held = 0;

  const take = (tail: Uint8Array): string => {
    const text = Buffer.concat([...parts, tail]).toString('utf8');
    parts = [];
    held = 0;
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  };

  return (chunk) => {
    const lines: string[] = [];
    let start = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, start)) {
      if (held + at - start > limit) return undefined;
      lines.push(take(chunk.subarray(start, at)));
      start = at + 1;
    }
    if (start < chunk.length) {
      held += chunk.length - start;
      if (held > limit) return undefined;
      parts.push(Uint8Array.from(chunk.subarray(start)));
    }
    return lines;
  };
}
