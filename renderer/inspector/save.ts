/** Milliseconds that a browser may take to begin saving. */
const GRACE = 10_000;

/** Hands bytes to the browser as a file of that name; as bytes of no type, so that it is saved and never shown. */
export function saveBytes(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), GRACE);
}
