/** Builds ClientHello bytes for the tests, piece by piece, so that each piece can be wrong. */
export interface HelloParts {
  readonly sessionId?: Uint8Array;
  readonly suites?: Uint8Array;
  readonly extensions?: readonly (readonly [type: number, data: Uint8Array])[];
  /** Leaves the extensions' block out altogether. */
  readonly bare?: boolean;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const u8 = (value: number): Uint8Array => Uint8Array.of(value);
const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);
export const vector8 = (data: Uint8Array): Uint8Array => join(u8(data.length), data);
export const vector16 = (data: Uint8Array): Uint8Array => join(u16(data.length), data);

export const serverName = (name: string): readonly [number, Uint8Array] => [
  0,
  vector16(join(u8(0), vector16(text(name)))),
];
export const alpn = (...names: readonly string[]): readonly [number, Uint8Array] => [
  16,
  vector16(join(...names.map((n) => vector8(text(n))))),
];

/** The handshake message, without record headers. */
export function helloMessage(parts: HelloParts = {}): Uint8Array {
  const extensions = join(...(parts.extensions ?? []).map(([type, data]) => join(u16(type), vector16(data))));
  const body = join(
    u16(0x0303),
    new Uint8Array(32).fill(7),
    vector8(parts.sessionId ?? new Uint8Array(32).fill(9)),
    vector16(parts.suites ?? Uint8Array.of(0x13, 0x01)),
    vector8(u8(0)),
    parts.bare === true ? new Uint8Array(0) : vector16(extensions),
  );
  return join(Uint8Array.of(1, 0, body.length >> 8, body.length & 255), body);
}

export const record = (payload: Uint8Array, type = 22, version = 0x0301): Uint8Array =>
  join(u8(type), u16(version), vector16(payload));

export const hello = (parts: HelloParts = {}): Uint8Array => record(helloMessage(parts));
