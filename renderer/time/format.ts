import { locale as LOCALE, t } from '../strings/strings.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const date = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short' });
const dateWithYear = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric' });
const exact = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
const minute = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const whole = new Intl.NumberFormat(LOCALE);

/** A moment for people: relative up to a day, then the date. Both in milliseconds since the epoch. */
export function formatWhen(time: number, now: number): string {
  const age = now - time;
  if (age < 5000) return t.time.now;
  if (age < MINUTE) return t.time.seconds(Math.floor(age / 5000) * 5);
  if (age < HOUR) return t.time.minutes(Math.floor(age / MINUTE));
  if (age < DAY) return t.time.hours(Math.floor(age / HOUR));
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? date : dateWithYear).format(time);
}

/** The exact moment, to the millisecond, in the machine's time zone. */
export const formatExact = (time: number): string => exact.format(time);

/** A moment to the minute, in the machine's time zone: for what is yet to come. */
export const formatMinute = (time: number): string => minute.format(time);

/** A length of time in milliseconds: `0.4 ms`, `12 ms`, `1.24 s`, `3 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A number of bytes, in powers of 1024: `0 B`, `1.5 KiB`, `12 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : String(Math.round(value))} ${units[unit] ?? ''}`;
}

/** A whole number with its thousands grouped. */
export const formatCount = (n: number): string => whole.format(n);
