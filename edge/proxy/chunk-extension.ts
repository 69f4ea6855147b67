import { isToken } from './fields.ts';

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where in the extensions of a chunk: the first `;` is read, a name has to come. */
export const NAME_START = 0;
const NAME = 1;
const VALUE_START = 2;
const VALUE = 3;
const QUOTED = 4;
const QUOTED_PAIR = 5;
const QUOTED_END = 6;
export type ExtensionPart =
  | typeof NAME_START
  | typeof NAME
  | typeof VALUE_START
  | typeof VALUE
  | typeof QUOTED
  | typeof QUOTED_PAIR
  | typeof QUOTED_END;

/** Whether the extensions may end at `part`. */
export const endsExtension = (part: ExtensionPart): boolean => part === NAME || part === VALUE || part === QUOTED_END;

/**
 * Where extensions stand after `byte`; `undefined` when it may not be there. `;name`, `;name=token` or `;name="quoted"`
 * (RFC 9112 section 7.1.1), without the blanks in between that some take and some don't: parsers that know only the
 * grammar refuse the rest, and others look for the line's end in another place.
 */
export function nextPart(part: ExtensionPart, byte: number): ExtensionPart | undefined {
  switch (part) {
    case QUOTED:
      if (byte === QUOTE) return QUOTED_END;
      if (byte === BACKSLASH) return QUOTED_PAIR;
      return isFieldByte(byte) ? QUOTED : undefined;
    case QUOTED_PAIR:
      return isFieldByte(byte) ? QUOTED : undefined;
    case VALUE_START:
      if (byte === QUOTE) return QUOTED;
      return isTokenByte(byte) ? VALUE : undefined;
    default:
      if (byte === SEMICOLON) return part === NAME_START ? undefined : NAME_START;
      if (byte === EQUALS) return part === NAME ? VALUE_START : undefined;
      if (part === QUOTED_END || !isTokenByte(byte)) return undefined;
      return part === NAME_START ? NAME : part;
  }
}

const TOKEN_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => (isToken(String.fromCharCode(byte)) ? 1 : 0));
const isTokenByte = (byte: number): boolean => TOKEN_BYTES[byte] === 1;

const isFieldByte = (byte: number): boolean => (byte >= 0x20 && byte !== 0x7f) || byte === 0x09;
