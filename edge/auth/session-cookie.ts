import { eachLine } from '../field-lines.ts';

/** The cookie that a session lives in. */
export const SESSION_COOKIE = 'porthole_session';
/** What the edge's own cookies begin with: no origin gets to see them. */
const OURS = 'porthole_';
/** Sessions that are looked at in one request: a neighbour under the same domain may have planted some. */
const TOKENS = 4;

/** The tokens of session cookies in a field section, as they come. */
export function sessionTokens(fields: string): readonly string[] {
  const tokens: string[] = [];
  eachCookieLine(fields, (colon, end) => {
    for (const crumb of fields.slice(colon + 1, end).split(';')) {
      const pair = crumb.trim();
      if (pair.startsWith(`${SESSION_COOKIE}=`) && tokens.length < TOKENS)
        tokens.push(pair.slice(SESSION_COOKIE.length + 1));
    }
  });
  return tokens;
}

/** The value of one of the edge's own cookies, where it came exactly once; '' otherwise. */
export function ownCookie(fields: string, name: string): string {
  const values: string[] = [];
  eachCookieLine(fields, (colon, end) => {
    for (const crumb of fields.slice(colon + 1, end).split(';'))
      if (crumb.trim().startsWith(`${name}=`)) values.push(crumb.trim().slice(name.length + 1));
  });
  return values.length === 1 ? (values[0] ?? '') : '';
}

/** The field section without the edge's own cookies, and without the fields whose plain names are `withheld`. */
export function withoutOurs(fields: string, withheld: ReadonlySet<string>): string {
  let kept = '';
  let run = 0;
  eachLine(fields, (start, colon, end) => {
    const cookie = isCookie(fields, start, colon);
    const value = cookie ? fields.slice(colon + 1, end) : '';
    const ours = cookie && value.includes(OURS);
    if (!ours && !isWithheld(fields, start, colon, withheld)) return;
    kept += fields.slice(run, start);
    run = end + 2;
    const rest = ours
      ? value
          .split(';')
          .map((crumb) => crumb.trim())
          .filter((crumb) => crumb !== '' && !crumb.startsWith(OURS) && !crumb.startsWith(`__Host-${OURS}`))
          .join('; ')
      : '';
    if (rest !== '') kept += `${fields.slice(start, colon)}: ${rest}\r\n`;
  });
  return run === 0 ? fields : kept + fields.slice(run);
}

/** Whether `fields` hold a cookie that may be one of the edge's own. */
export const mayHoldOurs = (fields: string): boolean => fields.includes(OURS);

const isWithheld = (fields: string, start: number, colon: number, withheld: ReadonlySet<string>): boolean =>
  withheld.size > 0 && withheld.has(fields.slice(start, colon).toLowerCase().replaceAll('_', '-'));

function eachCookieLine(fields: string, see: (colon: number, end: number) => void): void {
  eachLine(fields, (start, colon, end) => {
    if (isCookie(fields, start, colon)) see(colon, end);
  });
}

const isCookie = (fields: string, start: number, colon: number): boolean =>
  colon - start === 6 && fields.slice(start, colon).toLowerCase() === 'cookie';

/**
 * A `Set-Cookie` line for one of the edge's cookies, `seconds` to live; none with 0, which takes it away. Host-only.
 * `Secure` but on the plain listener of an embedded edge, which serves loopback only: some browsers would not keep it.
 */
export const setCookie = (name: string, value: string, seconds: number, secure: boolean): string =>
  `Set-Cookie: ${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly${secure ? '; Secure' : ''}; SameSite=Lax\r\n`;
