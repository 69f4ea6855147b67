/** Reading the lines of a field section that was found to be valid: `name: value`, each with its CRLF. */

/** The values of the field `name` (lower-case), blanks around them taken off, at most `limit` of them. */
export function fieldValues(fields: string, name: string, limit = 4): readonly string[] {
  const values: string[] = [];
  eachLine(fields, (start, colon, end) => {
    if (colon - start !== name.length || values.length >= limit) return;
    if (fields.slice(start, colon).toLowerCase() === name) values.push(fields.slice(colon + 1, end).trim());
  });
  return values;
}

/** The value of the field `name` (lower-case) where it came exactly once; '' where it did not come, or more often. */
export function fieldValue(fields: string, name: string): string {
  const [value = '', ...more] = fieldValues(fields, name, 2);
  return more.length === 0 ? value : '';
}

/** Calls `see` with where each line starts, has its colon, and ends before its CRLF. */
export function eachLine(fields: string, see: (start: number, colon: number, end: number) => void): void {
  for (let at = 0; at < fields.length; ) {
    const colon = fields.indexOf(':', at);
    const end = fields.indexOf('\r\n', colon);
    if (colon < 0 || end < 0) return;
    see(at, colon, end);
    at = end + 2;
  }
}
