import { execFile } from 'node:child_process';

const TIMEOUT = 5_000;
const OUTPUT_LIMIT = 8 * 1024 * 1024;

/**
 * Runs a tool of the system without a shell and yields what it wrote. Rejects when it can't be started, takes more
 * than 5 s or writes more than 8 MiB. An exit code alone is no failure: lsof leaves with 1 when it finds nothing.
 */
export function runTool(tool: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT, maxBuffer: OUTPUT_LIMIT, signal, windowsHide: true };
    execFile(tool, args, options, (error, stdout) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve(stdout);
    });
  });
}
