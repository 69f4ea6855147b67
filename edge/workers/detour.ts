/**
 * The payload of an OPEN frame between two workers: which agent the stream is for, and what that is asked to open.
 *
 *   byte 0     length of the agent's id, 1 to 64
 *   byte 1-    the id, ASCII
 *   then       the OPEN payload for the agent (`shared/wire/open.ts`)
 */
export function encodeDetour(agentId: string, open: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + agentId.length + open.length);
  bytes[0] = agentId.length;
  for (let i = 0; i < agentId.length; i++) bytes[1 + i] = agentId.charCodeAt(i);
  bytes.set(open, 1 + agentId.length);
  return bytes;
}

/** Reads such a payload; `undefined` when it is not one. The result is a copy. */
export function decodeDetour(bytes: Uint8Array): { readonly agentId: string; readonly open: Uint8Array } | undefined {
  const length = bytes[0] ?? 0;
  if (length < 1 || length > 64 || bytes.length < 2 + length) return undefined;
  const agentId = String.fromCharCode(...bytes.subarray(1, 1 + length));
  return { agentId, open: bytes.slice(1 + length) };
}
