import { createHash } from 'node:crypto';
import type { PageLanguage } from '../page-language.ts';
import type { BrokenLink, RefusalWords } from './refusal-words.ts';

/** What a refusal page shows. */
export interface RefusalPage {
  readonly status: number;
  readonly code: string;
  readonly words: RefusalWords;
  /** The registry's sentence. */
  readonly message: string;
  /** The service's name, or the host; '' when neither is known. */
  readonly name: string;
  readonly host: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** What the visitor reads. */
  readonly language: PageLanguage;
  /** Offer to try again there; '' is the same address. */
  readonly again: string | undefined;
}

const STYLE = `
:root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--text:#16202a;--soft:#50606f;--line:#d3dbe2;--sea:#0b6570;--on-sea:#fff;--dim:#7a8896;--live:#1b7a46;--bad:#b3261e;--bad-soft:#fdeceb}
@media (prefers-color-scheme:dark){:root{--page:#0e151b;--card:#151e26;--text:#e8eef3;--soft:#a3b2bf;--line:#2b3844;--sea:#5cc4cf;--on-sea:#06252a;--dim:#8495a3;--live:#5fc98d;--bad:#ff8a80;--bad-soft:#331b1c}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px 16px;background:var(--page);color:var(--text);font:400 15px/1.5 system-ui,sans-serif}
main{width:100%;max-width:600px}
header{margin:0 4px 20px}
.name{margin:0;font-size:18px;font-weight:600;overflow-wrap:anywhere}
.host{margin:0;color:var(--soft);font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
article{padding:28px 28px 24px;background:var(--card);border:1px solid var(--line);border-radius:8px}
h1{margin:0 0 8px;font-size:24px;line-height:1.25;font-weight:600;text-wrap:balance}
p{margin:0 0 12px;max-width:64ch}
.soft{color:var(--soft)}
svg.way{display:block;width:100%;height:auto;margin:24px 0 20px}
.way text{font:600 13px system-ui,sans-serif;text-anchor:middle;fill:var(--text)}
.way .off{fill:var(--soft);font-weight:400}
.ring{fill:var(--card);stroke:var(--dim);stroke-width:2}
.ring.up{stroke:var(--live)}
.pane{fill:var(--live)}
.link{stroke:var(--dim);stroke-width:2;stroke-dasharray:2 5;stroke-linecap:round}
.link.up{stroke:var(--live);stroke-dasharray:none}
.link.cut{stroke:var(--bad);stroke-dasharray:none}
.cross{fill:var(--bad-soft);stroke:var(--bad);stroke-width:2}
.x{stroke:var(--bad);stroke-width:2.5;stroke-linecap:round}
a{display:inline-block;margin:8px 0 4px;padding:10px 18px;min-height:44px;border-radius:8px;background:var(--sea);color:var(--on-sea);font-weight:600;text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible{outline:3px solid var(--sea);outline-offset:3px}
footer{margin:16px 4px 0;color:var(--soft);font-size:12px;display:flex;flex-wrap:wrap;gap:4px 20px;font-variant-numeric:tabular-nums}
footer code{font:12px ui-monospace,monospace;overflow-wrap:anywhere}
@media (max-width:420px){article{padding:20px 18px 18px}.way text{font-size:21px}}
@media (forced-colors:active){a{border:1px solid}.ring,.link,.cross,.x{stroke:CanvasText}.pane{fill:CanvasText}.way text{fill:CanvasText}}
@media print{body{background:none}}
`;

const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#b3261e" stroke-width="2"><circle cx="8" cy="8" r="6"/><path d="M4 12 12 4"/></svg>',
  );

const hash = createHash('sha256').update(STYLE).digest('base64');

/** The page's own policy: its one style sheet, its one icon, nothing else. */
export const CONTENT_SECURITY_POLICY = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Renders a refusal as one self-contained page. Everything that came from outside is escaped. */
export function renderPage(page: RefusalPage): string {
  const { words } = page;
  const frame = FRAME[page.language];
  const name = page.name === '' ? '' : `<p class="name">${escapeHtml(page.name)}</p>`;
  const host = page.host === '' || page.host === page.name ? '' : `<p class="host">${escapeHtml(page.host)}</p>`;
  const owner = words.owner === '' ? '' : `<p class="soft">${escapeHtml(words.owner)}</p>`;
  const retry = page.again === undefined ? '' : `<a href="${escapeHtml(page.again)}">${frame.again}</a>`;
  const time = new Date(page.time).toISOString();
  return `<!doctype html>
<html lang="${page.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(words.title)}${page.name === '' ? '' : ` · ${escapeHtml(page.name)}`}</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<main>
<header>${name}${host}</header>
<article>
<h1>${escapeHtml(words.title)}</h1>
<p>${escapeHtml(page.message)}</p>
${words.broken === undefined ? '' : renderWay(words.broken, frame)}
<p>${escapeHtml(words.visitor)}</p>
${owner}
${retry}
</article>
<footer><span>${frame.request} <code>${escapeHtml(page.requestId)}</code></span><time datetime="${time}">${time.slice(0, 19).replace('T', ' ')} UTC</time><span>${page.status} <code>${escapeHtml(page.code)}</code></span><span>${frame.foot}</span></footer>
</main>
</body>
</html>
`;
}

interface Frame {
  readonly again: string;
  readonly request: string;
  readonly foot: string;
  readonly stops: readonly string[];
  readonly broken: (from: string, to: string) => string;
}

/** What every page says. */
const FRAME: Readonly<Record<PageLanguage, Frame>> = {
  en: {
    again: 'Try again',
    request: 'Request',
    foot: 'Served by Porthole',
    stops: ['Visitor', 'Edge', 'Laptop', 'App'],
    broken: (from, to) => `The way from ${from} to ${to} is broken.`,
  },
  de: {
    again: 'Noch einmal versuchen',
    request: 'Anfrage',
    foot: 'Bereitgestellt mit Porthole',
    stops: ['Besucher', 'Edge', 'Laptop', 'App'],
    broken: (from, to) => `Der Weg von ${from} zu ${to} ist unterbrochen.`,
  },
};

const FIRST = 48;
const STEP = 128;
const RADIUS = 14;

/** The way from visitor to app with the broken link marked: by shape and word first, by colour second. */
function renderWay(broken: NonNullable<BrokenLink>, frame: Frame): string {
  const { stops: labels } = frame;
  let links = '';
  let stops = '';
  labels.forEach((label, i) => {
    const x = FIRST + i * STEP;
    const up = i <= broken;
    stops += `<circle class="ring${up ? ' up' : ''}" cx="${x}" cy="24" r="${RADIUS}"/>`;
    if (up) stops += `<circle class="pane" cx="${x}" cy="24" r="7"/>`;
    stops += `<text${up ? '' : ' class="off"'} x="${x}" y="62">${label}</text>`;
    if (i === labels.length - 1) return;
    const state = i < broken ? ' up' : i === broken ? ' cut' : '';
    links += `<path class="link${state}" d="M${x + RADIUS + 6} 24H${x + STEP - RADIUS - 6}"/>`;
    if (i === broken) stops += renderCross(x + STEP / 2);
  });
  const title = frame.broken(labels[broken] ?? '', labels[broken + 1] ?? '');
  return `<svg class="way" viewBox="0 0 480 72" role="img" aria-label="${title}">${links}${stops}</svg>`;
}

const renderCross = (x: number): string =>
  `<circle class="cross" cx="${x}" cy="24" r="12"/><path class="x" d="M${x - 5} 19l10 10m0-10-10 10"/>`;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
