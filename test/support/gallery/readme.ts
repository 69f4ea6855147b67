/**
 * `npm run screenshots:readme`: takes the README's pictures from the real thing, with two published services
 * and some visits: docs/images. Everything else that listens on this machine is in the picture too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { startWeb } from '../../e2e/shells.ts';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from '../chromium.ts';

const IMAGES = path.resolve(import.meta.dirname, '../../../docs/images');
/** What a web developer's laptop runs; the last one stays private. */
const SERVERS = [
  { name: 'shop', port: 5173 },
  { name: 'api', port: 3000 },
  { name: 'blog', port: 4321 },
];
const PUBLISHED = SERVERS.slice(0, 2);
const SERVER = `import { createServer } from 'node:http';
createServer((_, response) => response.end('Hello')).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('up'));`;

async function startServer(folder: string, name: string, port: number): Promise<ChildProcess> {
  const script = path.join(folder, `${name}.mjs`);
  writeFileSync(script, SERVER);
  const child = spawn(process.execPath, [script, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const up = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => undefined)]);
  if (up === undefined) throw new Error(`port ${port} is taken`);
  return child;
}

/** Ports that are easy on the eye. */
function settle(home: string): void {
  const folder = path.join(home, 'porthole');
  mkdirSync(folder, { recursive: true });
  const embedded = { httpsPort: 8443, httpPort: 8080, allowed: [] };
  writeFileSync(path.join(folder, 'settings.json'), JSON.stringify({ embedded }));
}

async function publish(page: Page): Promise<void> {
  for (const [index, { port }] of PUBLISHED.entries()) {
    await page.locator(`[data-port="${port}"]`).getByRole('button', { name: 'Make public' }).click();
    await page
      .getByRole('heading', { level: 1, name: index === 0 ? '1 service is public' : '2 services are public' })
      .waitFor();
  }
}

async function take(page: Page): Promise<void> {
  // Nothing is being pointed at, nothing was copied just now.
  await page.reload();
  await page.getByText('Live', { exact: true }).nth(1).waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const file = colorScheme === 'light' ? 'services.png' : 'services-dark.png';
    await page.screenshot({ path: path.join(IMAGES, file), animations: 'disabled' });
  }
}

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
const home = mkdtempSync(path.join(tmpdir(), 'porthole-readme-'));
const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGS] });
const children: ChildProcess[] = [];
try {
  for (const { name, port } of SERVERS) children.push(await startServer(home, name, port));
  settle(home);
  const shell = await startWeb(home);
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, deviceScaleFactor: 1.25 });
  const page = await context.newPage();
  await page.goto(shell.link);
  await publish(page);
  mkdirSync(IMAGES, { recursive: true });
  await take(page);
  shell.child.kill('SIGTERM');
  await shell.exited;
} finally {
  await browser.close();
  for (const child of children) child.kill();
  rmSync(home, { recursive: true, force: true });
}
