import { spawn } from 'node:child_process';

type Tool = readonly [string, ...string[]];

/** What puts standard input on the clipboard, in the order of trying. */
export function clipboardTools(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): readonly Tool[] {
  if (platform === 'darwin') return [['pbcopy']];
  if (platform === 'win32') return [['clip']];
  const tools: Tool[] = [];
  if (env.WAYLAND_DISPLAY) tools.push(['wl-copy']);
  if (env.DISPLAY) tools.push(['xclip', '-selection', 'clipboard'], ['xsel', '--clipboard', '--input']);
  return tools;
}

/** Copies `text` by the first tool that works; false when none does. */
export async function copyText(text: string, env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  for (const tool of clipboardTools(process.platform, env)) if (await feed(tool, text)) return true;
  return false;
}

function feed([file, ...args]: Tool, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    // The tools stay behind to serve the clipboard: nothing of ours may be held open by them.
    const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'ignore'], timeout: 3_000 });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}
