/** The built renderer as both shells serve it: every file in memory, under one content security policy. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * What the screens may load: their own files and their own socket, nothing else. Scripts and styles come from files
 * only, so a string that finds its way into a page stays a string.
 */
export const SCREENS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** One file of the renderer, ready to be sent. */
export interface ScreenFile {
  readonly type: string;
  readonly body: Buffer<ArrayBuffer>;
}

/**
 * Reads every file under `root` and names it by its URL path (`/`, `/assets/app.js`); `/` is `index.html`. A request
 * is answered by looking its path up here, so no path ever reaches the file system. Throws where the folder is missing.
 */
export async function loadScreens(root: string): Promise<ReadonlyMap<string, ScreenFile>> {
  const files = new Map<string, ScreenFile>();
  await collect(root, '/', files);
  const index = files.get('/index.html');
  if (index === undefined) throw new Error(`no index.html in ${root}`);
  files.set('/', index);
  return files;
}

/** Folder by folder: inside a package (asar) `readdir` does not go deeper by itself. */
async function collect(folder: string, url: string, files: Map<string, ScreenFile>): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    const type = TYPES[path.extname(entry.name)];
    if (entry.isDirectory()) await collect(file, `${url}${entry.name}/`, files);
    else if (type !== undefined) files.set(`${url}${entry.name}`, { type, body: await readFile(file) });
  }
}

/** The answer to one request for a page at `host`, as the Fetch standard has it. */
export function answerScreen(
  files: ReadonlyMap<string, ScreenFile>,
  method: string,
  url: URL | null,
  host: string,
): Response {
  const file = url?.host === host && method === 'GET' ? files.get(url.pathname) : undefined;
  if (file === undefined) return new Response('There is no such page.', { status: 404 });
  return new Response(file.body, {
    headers: {
      'content-type': file.type,
      'content-security-policy': SCREENS_POLICY,
      'x-content-type-options': 'nosniff',
    },
  });
}
