/** Samples from which the shortest round trip is taken: with a ping every 5 s, the last minute's. */
const SAMPLES = 12;
/** Samples to take in a row at the start. */
const EAGER_SAMPLES = 4;

/** RFC 6298's weight for a sample longer than the average; a pause of a process or a queue may have made it so. */
const LONGER = 1 / 8;
/** A shorter one is believed sooner: nothing makes a path look shorter than it is. */
const SHORTER = 1 / 2;

/** Measures round trips by pings. */
export interface RoundTrip {
  /** A ping leaves at `now` (ms, monotonic); returns its token. */
  start(now: number): number;
  /** The pong of `token` came at `now`. Unknown tokens count for nothing. */
  finish(token: number, now: number): void;
  /** Smoothed, ms; 0 while unknown. The shortest while there are few samples, so that a cold start is forgotten. */
  readonly smoothed: number;
  /** Few samples yet, and the first ones measure a cold start: ping again at once. */
  readonly eager: boolean;
  /** The shortest of the last minute, ms; 0 while unknown. */
  readonly shortest: number;
}

export function createRoundTrip(): RoundTrip {
  let token = 0;
  let startedAt: number | undefined;
  let smoothed = 0;
  let shortest = 0;
  const samples: number[] = [];
  return {
    start(now) {
      startedAt = now;
      token = (token + 1) >>> 0;
      return token;
    },
    finish(answered, now) {
      if (startedAt === undefined || answered !== token) return;
      // A clock too coarse to see the round trip must not say "unknown".
      const sample = Math.max(now - startedAt, 0.01);
      startedAt = undefined;
      samples.push(sample);
      if (samples.length > SAMPLES) samples.shift();
      shortest = Math.min(...samples);
      if (samples.length <= EAGER_SAMPLES) smoothed = shortest;
      else smoothed += (sample - smoothed) * (sample > smoothed ? LONGER : SHORTER);
    },
    get smoothed() {
      return smoothed;
    },
    get eager() {
      return startedAt === undefined && samples.length < EAGER_SAMPLES;
    },
    get shortest() {
      return shortest;
    },
  };
}
