/** Milliseconds to wait before try `attempt` (0 is the first retry): 0.3 s × 1.7 up to 5 s, half of it jitter. */
export function retryDelay(attempt: number, random: () => number): number {
  const ceiling = Math.min(5000, 300 * 1.7 ** Math.min(attempt, 20));
  return ceiling / 2 + (ceiling / 2) * random();
}
