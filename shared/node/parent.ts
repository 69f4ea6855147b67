/** Milliseconds between two looks. */
const INTERVAL = 1000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Calls `gone` once when the process that `PORTHOLE_PARENT` names (the parent, or one above it) is gone: it died
 * without passing on a signal. Does nothing without that variable.
 */
export function watchParent(env: NodeJS.ProcessEnv, gone: () => void): void {
  const watched = Number(env.PORTHOLE_PARENT);
  if (!Number.isInteger(watched) || watched <= 0) return;
  // A parent that nobody waits for stays as a zombie, which is alive to `kill`; its children move on, though.
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (isAlive(watched) && process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, INTERVAL);
  timer.unref();
}
