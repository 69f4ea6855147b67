import { createHash } from 'node:crypto';
import { LOGIN_PATH, LOGOUT_PATH } from '../reserved-path.ts';
import { WORDS } from './words.ts';

/** Which service a page is about. */
export interface PageService {
  readonly name: string;
  readonly domain: string;
  /** What people call the laptop behind it; '' when unknown. */
  readonly publisher: string;
}

/** What the login page shows. */
export interface LoginPage {
  readonly service: PageService;
  /** One form each. */
  readonly forms: readonly ('password' | 'pin')[];
  /** Other ways in, such as a provider: paths of the same service. */
  readonly links: readonly { readonly href: string; readonly label: string }[];
  /** Where the visitor wanted to go: a path of the same service, checked. */
  readonly next: string;
  readonly notice: 'failed' | 'busy' | undefined;
  /** Seconds that the visitor has to wait before trying; 0 when it needn't. */
  readonly wait: number;
}

/** What the page of a share link shows. */
export interface SharePage {
  readonly service: PageService;
  /** Where the form posts to: the link itself, its `next` included. */
  readonly action: string;
  /** How often the link can still be opened; `undefined` without bound. */
  readonly left: number | undefined;
}

const STYLE = `
:root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--text:#16202a;--soft:#50606f;--line:#d3dbe2;--edge:#7a8896;--sea:#0b6570;--on-sea:#fff;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--page:#0e151b;--card:#151e26;--text:#e8eef3;--soft:#a3b2bf;--line:#2b3844;--edge:#8495a3;--sea:#5cc4cf;--on-sea:#06252a;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px 16px;background:var(--page);color:var(--text);font:400 16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:420px}
header{margin:0 4px 20px}
.name{margin:0;font-size:18px;font-weight:600;overflow-wrap:anywhere}
.host,.by{margin:0;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
article{padding:28px;background:var(--card);border:1px solid var(--line);border-radius:8px}
h1{margin:0 0 16px;font-size:24px;line-height:1.25;font-weight:600}
label{display:block;margin:16px 0 6px;font-weight:600}
input{width:100%;min-height:44px;padding:8px 12px;border:1px solid var(--edge);border-radius:8px;background:var(--card);color:var(--text);font:inherit}
input[name=pin]{font:24px/1.2 ui-monospace,monospace;letter-spacing:.5em}
button,a.way{display:block;width:100%;margin:16px 0 0;padding:10px 18px;min-height:44px;border:0;border-radius:8px;background:var(--sea);color:var(--on-sea);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--sea);outline-offset:2px}
.notice{margin:0 0 16px;color:var(--bad);font-weight:600}
p{margin:0 0 12px}
`;

const hash = createHash('sha256').update(STYLE).digest('base64');

/** The pages' own policy: their one style sheet, forms to the service itself, nothing else; nobody may frame them. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

/** The page on which a visitor logs in. Works without scripts. Everything that came from outside is escaped. */
export function renderLoginPage(page: LoginPage): string {
  const { service, forms, links, next, notice, wait } = page;
  const said = wait > 0 ? WORDS.locked(wait) : notice === undefined ? '' : WORDS[notice];
  const ways = [
    ...links.map(({ href, label }) => `<a class="way" href="${escapeHtml(href)}">${escapeHtml(label)}</a>`),
    ...forms.map((form, i) => renderForm(form, next, i === 0)),
  ];
  return layout(
    service,
    WORDS.title(service.name),
    `<h1>${WORDS.heading}</h1>
${said === '' ? '' : `<p class="notice" role="alert">${escapeHtml(said)}</p>`}
${ways.length === 0 ? `<p>${WORDS.closed}</p>` : ways.join('\n')}`,
  );
}

function renderForm(form: 'password' | 'pin', next: string, first: boolean): string {
  const input =
    form === 'pin'
      ? `<input id="pin" name="pin" type="password" inputmode="numeric" pattern="[0-9]{6}" maxlength="6" autocomplete="one-time-code" title="${WORDS.pinHint}" required${first ? ' autofocus' : ''}>`
      : `<input id="password" name="password" type="password" maxlength="1024" autocomplete="current-password" required${first ? ' autofocus' : ''}>`;
  return `<form method="post" action="${LOGIN_PATH}"><input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="${form}">${WORDS[form]}</label>${input}
<button>${WORDS.enter}</button></form>`;
}

/** The page that asks whether to open a link that can't be opened at will. */
export function renderSharePage({ service, action, left }: SharePage): string {
  const uses = left === undefined ? '' : left === 1 ? WORDS.shareOnce : WORDS.shareLeft(left);
  return layout(
    service,
    WORDS.shareTitle(service.name),
    `<h1>${escapeHtml(WORDS.shareTitle(service.name))}</h1>
<p>${WORDS.shareText}</p>
${uses === '' ? '' : `<p>${uses}</p>`}
<form method="post" action="${escapeHtml(action)}"><button>${WORDS.shareOpen}</button></form>`,
  );
}

/** The page that asks whether to log out. */
export const renderLogoutPage = (service: PageService): string =>
  layout(
    service,
    WORDS.logoutHeading,
    `<h1>${WORDS.logoutHeading}</h1>
<p>${WORDS.logoutText}</p>
<form method="post" action="${LOGOUT_PATH}"><button>${WORDS.logoutButton}</button></form>`,
  );

/** The page after logging out. It leads nowhere by itself: a provider may well know the visitor still. */
export const renderLoggedOutPage = (service: PageService): string =>
  layout(
    service,
    WORDS.loggedOutHeading,
    `<h1>${WORDS.loggedOutHeading}</h1>
<p>${WORDS.loggedOutText}</p>
<a class="way" href="/">${WORDS.loggedOutAgain}</a>`,
  );

/** Forms must say which origin they come from, so the referrer is cut to that and not left out. */
const layout = ({ name, domain, publisher }: PageService, title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="strict-origin">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><p class="name">${escapeHtml(name)}</p><p class="host">${escapeHtml(domain)}</p>${
  publisher === '' ? '' : `<p class="by">${escapeHtml(WORDS.publishedBy(publisher))}</p>`
}</header>
<article>
${body}
</article>
</main>
</body>
</html>
`;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
