/** Milliseconds between two looks. */
const INTERVAL = 1000;

/**
 * Calls `gone` once when the parent process that `PORTHOLE_PARENT` names is not this process's parent any more: it
 * died without passing on a signal. Does nothing without that variable, or on Windows, where children stay attached.
 */
export function watchParent(env: NodeJS.ProcessEnv, gone: () => void): void {
  const parent = Number(env.PORTHOLE_PARENT);
  if (!Number.isInteger(parent) || process.platform === 'win32') return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, INTERVAL);
  timer.unref();
}
