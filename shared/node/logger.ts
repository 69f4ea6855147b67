import pino from 'pino';

/** What a log line carries beside its sentence. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where notes for people who run Porthole go. Secrets are masked whatever the caller passes. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines all carry `fields`. */
  child(fields: LogFields): Logger;
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** The level that `text` names, or `info`. */
export const parseLogLevel = (text: string | undefined): LogLevel => LEVELS.find((level) => level === text) ?? 'info';

const SECRET_KEY =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|credential|password|pin|secret|token|.*token)$/i;
const SECRET_TEXT = /\bph([ajs])_[A-Za-z0-9_-]+/g;
const MASK = '[redacted]';
const DEEPEST = 6;

/** `value` without secrets: tokens inside any text, and everything under a key that names a secret. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(SECRET_TEXT, `ph$1_${MASK}`);
  if (value === null || typeof value !== 'object') return value;
  if (depth >= DEEPEST) return '[deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const clean: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) clean[key] = SECRET_KEY.test(key) ? MASK : redact(item, depth + 1);
  return clean;
}

function redactError(error: Error, depth: number): LogFields {
  const clean: Record<string, unknown> = {
    name: error.name,
    message: redact(error.message),
    stack: redact(error.stack),
  };
  if ('code' in error) clean.code = redact(error.code, depth + 1);
  if (error.cause !== undefined) clean.cause = redact(error.cause, depth + 1);
  return clean;
}

/** JSON lines to `write` (stderr by default), from `level` up (default: the environment's `PORTHOLE_LOG`, or info). */
export function createLogger(options: { level?: LogLevel; write?: (line: string) => void } = {}): Logger {
  const level = options.level ?? parseLogLevel(process.env.PORTHOLE_LOG);
  const write = options.write;
  const destination = write === undefined ? pino.destination({ dest: 2, sync: true }) : { write };
  return wrap(
    pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: levelName } },
      destination,
    ),
  );
}

const levelName = (label: string): LogFields => ({ level: label });

/** A logger that keeps nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

function wrap(inner: pino.Logger): Logger {
  const log =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      if (!inner.isLevelEnabled(level)) return;
      inner[level](fields === undefined ? {} : redact(fields), String(redact(message)));
    };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => wrap(inner.child(Object(redact(fields)))),
  };
}
