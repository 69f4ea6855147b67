import { EXIT } from './exit.ts';

/** A terminal's Ctrl+C may arrive twice at once, from the terminal and from a parent; a person's second comes later. */
const SAME_SIGNAL = 500;

/**
 * An orderly end on the first SIGINT, SIGTERM or SIGHUP, and when nobody reads the output any more (`… | head`); a
 * second signal ends the process at once.
 */
export function endBySignal(): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  let first: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      const now = performance.now();
      if (first !== undefined && now - first > SAME_SIGNAL) process.exit(EXIT.interrupted);
      first ??= now;
      controller.abort();
    });
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => {
      controller.abort();
    });
  return { signal: controller.signal, end: () => controller.abort() };
}
