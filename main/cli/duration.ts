const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The longest delay that a timer takes is 2^31 - 1 ms; 24 days stay below it. */
const LONGEST = 24 * 86_400_000;

/** Milliseconds of `90s`, `30m`, `2h`, `7d`: at least a second, at most 24 days; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text.trim());
  const value = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  return value >= 1_000 && value <= LONGEST ? value : undefined;
}

/** `just now`, `5 min ago`, `3 h ago`, then the date: as people say it. */
export function ago(time: number, now: number): string {
  const passed = Math.max(0, now - time);
  if (passed < 60_000) return passed < 10_000 ? 'just now' : `${Math.floor(passed / 1_000)} s ago`;
  if (passed < 3_600_000) return `${Math.floor(passed / 60_000)} min ago`;
  if (passed < 86_400_000) return `${Math.floor(passed / 3_600_000)} h ago`;
  return new Date(time).toISOString().slice(0, 10);
}
