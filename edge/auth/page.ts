import { createHash } from 'node:crypto';
import type { PageLanguage } from '../page-language.ts';
import { LOGIN_PATH, LOGOUT_PATH } from '../reserved-path.ts';
import { type LoginWords, loginWords } from './words.ts';

/** Which service a page is about, and who reads it. */
export interface PageService {
  readonly name: string;
  readonly domain: string;
  /** What people call the laptop behind it; '' when unknown. */
  readonly publisher: string;
  readonly language: PageLanguage;
}

/** What the login page shows. */
export interface LoginPage {
  readonly service: PageService;
  /** One form each. */
  readonly forms: readonly ('password' | 'pin')[];
  /** Other ways in, such as a provider: paths of the same service, and the provider's name. */
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

/** Width and gap of the boxes that a PIN is typed into: a single field, so that it takes what is pasted. */
const STYLE = `
:root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--text:#16202a;--soft:#50606f;--line:#d3dbe2;--edge:#7a8896;--box:#eaeff3;--sea:#0b6570;--on-sea:#fff;--bad:#b3261e;--bad-soft:#fdecea;--cell:46px;--gap:8px}
@media (prefers-color-scheme:dark){:root{--page:#0e151b;--card:#151e26;--text:#e8eef3;--soft:#a3b2bf;--line:#2b3844;--edge:#8495a3;--box:#202c37;--sea:#5cc4cf;--on-sea:#06252a;--bad:#ff8a80;--bad-soft:#351a19}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px 16px;background:var(--page);color:var(--text);font:400 15px/1.5 system-ui,sans-serif}
main{width:100%;max-width:400px}
header{margin:0 4px 20px}
.name{margin:0;font-size:18px;line-height:24px;font-weight:600;overflow-wrap:anywhere}
.host,.by{margin:0;color:var(--soft);font-size:13px;line-height:20px;overflow-wrap:anywhere}
.host{font-family:ui-monospace,monospace}
article{padding:28px;background:var(--card);border:1px solid var(--line);border-radius:8px}
h1{margin:0 0 16px;font-size:24px;line-height:32px;font-weight:600;text-wrap:balance;overflow-wrap:anywhere}
p{margin:0 0 12px;max-width:64ch}
form+form,.or+form{margin:20px 0 0}
.or{display:flex;align-items:center;gap:12px;margin:20px 0;color:var(--soft);font-size:13px}
.or::before,.or::after{content:"";flex:1;border-top:1px solid var(--line)}
label{display:flex;justify-content:space-between;gap:12px;margin:0 0 6px;font-weight:600}
label span{color:var(--soft);font-weight:400;font-size:13px}
input{display:block;width:100%;min-height:44px;padding:8px 12px;border:1px solid var(--edge);border-radius:8px;background:var(--card);color:var(--text);font:inherit}
input[name=pin]{width:calc(6*var(--cell) + 6*var(--gap));max-width:none;height:52px;margin:0 calc(-1*var(--gap)) 0 0;padding:0 0 0 calc((var(--cell) - 1ch)/2);border:0;border-radius:0;font:600 24px/52px ui-monospace,monospace;letter-spacing:calc(var(--cell) + var(--gap) - 1ch);-webkit-text-security:disc;background:linear-gradient(90deg,var(--edge) var(--cell),transparent 0) 0 100%/calc(var(--cell) + var(--gap)) 2px repeat-x,linear-gradient(90deg,var(--box) var(--cell),transparent 0) 0 0/calc(var(--cell) + var(--gap)) 100% repeat-x}
.cells{overflow:hidden;padding:4px;margin:-4px}
button,a.way{display:block;width:100%;margin:16px 0 0;padding:10px 18px;min-height:44px;border:1px solid transparent;border-radius:8px;background:var(--sea);color:var(--on-sea);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer;overflow-wrap:anywhere}
a.way:first-of-type{margin-top:0}
button:hover,a.way:hover{text-decoration:underline}
:disabled{opacity:.6;cursor:default;text-decoration:none}
input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--sea);outline-offset:2px}
.notice{margin:0 0 20px;padding:12px 14px;border-radius:8px;background:var(--bad-soft);color:var(--bad);font-weight:600}
.notice span{display:block;color:var(--text);font-weight:400;font-size:13px}
footer{margin:16px 4px 0;color:var(--soft);font-size:12px}
@media (max-width:420px){:root{--cell:34px;--gap:6px}article{padding:20px 18px}}
@media (forced-colors:active){button,a.way{border-color:ButtonText}input[name=pin]{border:1px solid;background:none}}
`;

const hash = createHash('sha256').update(STYLE).digest('base64');

/** The pages' own policy: their one style sheet, forms to the service itself, nothing else; nobody may frame them. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

/** The page on which a visitor logs in. Works without scripts. Everything that came from outside is escaped. */
export function renderLoginPage(page: LoginPage): string {
  const { service, forms, links, next, notice, wait } = page;
  const words = loginWords(service.language);
  const ways = links
    .map(({ href, label }) => `<a class="way" href="${escapeHtml(href)}">${escapeHtml(words.signIn(label))}</a>`)
    .join('\n');
  const typed = forms
    .map((form, i) => renderForm(words, form, next, i === 0 && links.length === 0, wait > 0))
    .join('\n');
  const or = ways === '' || typed === '' ? '' : `<p class="or">${words.or}</p>`;
  const body = ways === '' && typed === '' ? `<p>${words.closed}</p>` : `${ways}${or}${typed}`;
  const again = wait > 0 ? { seconds: wait, path: `${LOGIN_PATH}?next=${encodeURIComponent(next)}` } : undefined;
  return layout(
    service,
    words.title(service.name),
    `<h1>${words.heading}</h1>
${renderNotice(words, notice, wait)}${body}`,
    again,
  );
}

function renderNotice(words: LoginWords, notice: LoginPage['notice'], wait: number): string {
  if (wait > 0) return `<p class="notice" role="alert">${words.locked(wait)}<span>${words.lockedHint}</span></p>\n`;
  return notice === undefined ? '' : `<p class="notice" role="alert">${words[notice]}</p>\n`;
}

function renderForm(
  words: LoginWords,
  form: 'password' | 'pin',
  next: string,
  first: boolean,
  locked: boolean,
): string {
  const state = locked ? ' disabled' : first ? ' required autofocus' : ' required';
  const input =
    form === 'pin'
      ? `<div class="cells"><input id="pin" name="pin" inputmode="numeric" pattern="[0-9]{6}" maxlength="6" autocomplete="one-time-code" spellcheck="false" title="${words.pinHint}"${state}></div>`
      : `<input id="password" name="password" type="password" maxlength="1024" autocomplete="current-password"${state}>`;
  const hint = form === 'pin' ? ` <span>${words.pinHint}</span>` : '';
  return `<form method="post" action="${LOGIN_PATH}"><input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="${form}">${words[form]}${hint}</label>${input}
<button${locked ? ' disabled' : ''}>${words.enter}</button></form>`;
}

/** The page that asks whether to open a link that can't be opened at will. */
export function renderSharePage({ service, action, left }: SharePage): string {
  const words = loginWords(service.language);
  const uses = left === undefined ? '' : left === 1 ? words.shareOnce : words.shareLeft(left);
  return layout(
    service,
    words.shareTitle(service.name),
    `<h1>${escapeHtml(words.shareTitle(service.name))}</h1>
<p>${words.shareText}</p>
${uses === '' ? '' : `<p>${uses}</p>`}
<form method="post" action="${escapeHtml(action)}"><button>${words.shareOpen}</button></form>`,
  );
}

/** The page that asks whether to log out. */
export function renderLogoutPage(service: PageService): string {
  const words = loginWords(service.language);
  return layout(
    service,
    words.logoutHeading,
    `<h1>${words.logoutHeading}</h1>
<p>${words.logoutText}</p>
<form method="post" action="${LOGOUT_PATH}"><button>${words.logoutButton}</button></form>`,
  );
}

/** The page after logging out. It leads nowhere by itself: a provider may well know the visitor still. */
export function renderLoggedOutPage(service: PageService): string {
  const words = loginWords(service.language);
  return layout(
    service,
    words.loggedOutHeading,
    `<h1>${words.loggedOutHeading}</h1>
<p>${words.loggedOutText}</p>
<a class="way" href="/">${words.loggedOutAgain}</a>`,
  );
}

/** A page that opens another one by itself. */
interface Again {
  readonly seconds: number;
  readonly path: string;
}

/** Forms must say which origin they come from, so the referrer is cut to that and not left out. */
function layout(service: PageService, title: string, body: string, again?: Again): string {
  const { name, domain, publisher, language } = service;
  const words = loginWords(language);
  const host = domain === name ? '' : `<p class="host">${escapeHtml(domain)}</p>`;
  const by = publisher === '' ? '' : `<p class="by">${escapeHtml(words.publishedBy(publisher))}</p>`;
  const refresh =
    again === undefined ? '' : `\n<meta http-equiv="refresh" content="${again.seconds};url=${escapeHtml(again.path)}">`;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="strict-origin">${refresh}
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><p class="name">${escapeHtml(name)}</p>${host}${by}</header>
<article>
${body}
</article>
<footer>${words.foot}</footer>
</main>
</body>
</html>
`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
