import { spawn } from 'node:child_process';

/** What decides how a browser is opened. */
export interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The command that opens `url`; `undefined` where no one would see the browser. */
export function browserCommand(url: string, { platform, env }: Desktop): readonly [string, ...string[]] | undefined {
  if (platform === 'darwin') return ['open', url];
  // Not `cmd /c start`: cmd would read `&` and `^` in the URL.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url];
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open', url] : undefined;
}

/** Opens an http(s) URL in the user's browser. False when there is no display or the command is missing. */
export async function openBrowser(url: string, desktop: Desktop = process): Promise<boolean> {
  const parsed = URL.parse(url);
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) return false;
  const command = browserCommand(parsed.href, desktop);
  if (command === undefined) return false;
  const [file, ...args] = command;
  const child = spawn(file, args, { stdio: 'ignore', detached: true });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
