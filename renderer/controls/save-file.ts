/** Milliseconds that a browser may take to begin saving. */
const GRACE = 60_000;

/** Hands `content` to the browser as a file of that name to be saved. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then; the file in memory is let go of.
  window.setTimeout(() => URL.revokeObjectURL(url), GRACE);
}
