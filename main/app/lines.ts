/**
 * Cuts a byte stream into lines. A line longer than `limit` bytes is not kept: `tooLong` is called once and nothing
 * more is read.
 */
export function createLineCutter(
  limit: number,
  onLine: (line: string) => void,
  tooLong: () => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let stopped = false;
  return (chunk) => {
    for (let from = 0; from < chunk.length && !stopped; ) {
      const at = chunk.indexOf(10, from);
      const part = chunk.subarray(from, at === -1 ? chunk.length : at);
      held += part.length;
      if (held > limit) {
        stopped = true;
        parts = [];
        tooLong();
        return;
      }
      parts.push(part);
      if (at === -1) return;
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      held = 0;
      from = at + 1;
      if (line.trim() !== '') onLine(line);
    }
  };
}
