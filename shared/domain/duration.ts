const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration as people write it: `500ms`, `30s`, `2m`, `1h`, `7d`. `undefined` when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|[smhd])$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN);
}
