import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { SCREENS_POLICY, type ScreenFile } from '../app/screens.ts';
import { type Access, COOKIE, isOwnOrigin } from './access.ts';
import { NOTICE_POLICY, notice } from './notice.ts';
import { isOtherUser } from './same-user.ts';

/** How to get in, for whoever stands before a closed door. */
export const NEW_LINK = 'For a new link, press Enter in the terminal where Porthole runs, or start it again.';

const COMMON = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

const refusal = (status: number, title: string, ...sentences: readonly string[]): Answer => ({
  status,
  headers: { 'content-security-policy': NOTICE_POLICY, 'content-type': 'text/html; charset=utf-8' },
  body: notice(title, ...sentences),
});

/** Spends the link's token for a session. */
function login(access: Access, request: IncomingMessage, token: string): Answer {
  // A browser that fetches ahead, or a messenger that previews, must not spend the link.
  const ahead = request.method !== 'GET' || request.headers['sec-purpose']?.includes('prefetch') === true;
  const session = ahead ? undefined : access.redeem(token, () => isOtherUser(request.socket));
  if (session !== undefined) {
    // The fragment never leaves the browser; the page keeps the key under its own origin and clears the address.
    const cookie = `${COOKIE}=${session.cookie}; HttpOnly; SameSite=Lax; Path=/`;
    return { status: 303, headers: { location: `/#key=${session.key}`, 'set-cookie': cookie } };
  }
  if (!ahead && access.knowsCookie(request.headers.cookie)) return { status: 303, headers: { location: '/' } };
  return refusal(401, 'This link no longer works', 'A link opens Porthole once, within two minutes.', NEW_LINK);
}

function answer(access: Access, files: ReadonlyMap<string, ScreenFile>, request: IncomingMessage): Answer {
  const { host, origin, cookie } = request.headers;
  if (!access.knowsHost(host))
    return refusal(421, 'Wrong name', 'This is Porthole, but not under this name.', NEW_LINK);
  if (origin !== undefined && !isOwnOrigin(origin, host))
    return refusal(403, 'Not from here', 'Another page may not read this one.');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, 'Not possible', 'Only reading is.');
  const url = URL.parse(request.url ?? '', 'http://shell');
  if (url === null) return refusal(400, 'Not an address', 'The address cannot be read.');
  if (url.pathname === '/login') return login(access, request, url.searchParams.get('token') ?? '');
  if (!access.knowsCookie(cookie))
    return refusal(401, 'Porthole is running', 'This browser has not been let in yet.', NEW_LINK);
  const file = files.get(url.pathname);
  if (file === undefined) return refusal(404, 'Nothing here', 'There is no such page.');
  const headers = { 'content-security-policy': SCREENS_POLICY, 'content-type': file.type };
  return { status: 200, headers, body: file.body };
}

/** Answers the web shell's HTTP requests: the link's door, and the renderer's files for those who came through it. */
export const createPages =
  (access: Access, files: ReadonlyMap<string, ScreenFile>) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const { status, headers, body = '' } = answer(access, files, request);
    response.writeHead(status, { ...COMMON, ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  };
