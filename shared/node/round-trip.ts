/** Samples from which the shortest round trip is taken: with a ping every 5 s, the last minute's. */
const SAMPLES = 12;
/** Samples to take in a row at the start. */
const EAGER_SAMPLES = 4;
/** How many times over our own windows make a round trip longer, at most; what is longer still is the path. */
const OWN_QUEUE = 3;

/** RFC 6298's weight for a sample longer than the average; a pause of a process or a queue may have made it so. */
const LONGER = 1 / 8;
/** A shorter one is believed sooner: nothing makes a path look shorter than it is. */
const SHORTER = 1 / 2;

/**
 * The round trip of a path without a queue. Several carriers of a link may share one: what one of them fills, all of
 * them measure.
 */
export interface PathDelay {
  /** A ping took `sample` ms. `loaded`: so much was under way that it may have stood in a queue of our own making. */
  learn(sample: number, loaded: boolean): void;
  /**
   * ms; 0 while unknown: the shortest of the last minute without load. A loaded link only lowers it, or it would creep
   * up with the queue that windows of twice its size keep standing.
   */
  readonly shortest: number;
}

/** A path of which nothing is known yet. */
export function createPathDelay(): PathDelay {
  let shortest = 0;
  let unloaded: number[] = [];
  let loadedOnes: number[] = [];
  return {
    learn(sample, loaded) {
      if (!loaded || shortest === 0) {
        loadedOnes = [];
        unloaded = [...unloaded, sample].slice(-SAMPLES);
        shortest = Math.min(...unloaded);
        return;
      }
      shortest = Math.min(shortest, sample);
      loadedOnes = [...loadedOnes, sample].slice(-SAMPLES);
      const least = Math.min(...loadedOnes);
      if (loadedOnes.length < SAMPLES || least <= OWN_QUEUE * shortest) return;
      shortest = least;
      unloaded = [];
    },
    get shortest() {
      return shortest;
    },
  };
}

/** Measures round trips by pings. */
export interface RoundTrip {
  /** A ping leaves at `now` (ms, monotonic); returns its token. */
  start(now: number): number;
  /** The pong of `token` came at `now`. Unknown tokens count for nothing. `loaded` as for `PathDelay`. */
  finish(token: number, now: number, loaded: boolean): void;
  /** Smoothed, ms; 0 while unknown. The shortest while there are few samples, so that a cold start is forgotten. */
  readonly smoothed: number;
  /** Few samples yet, and the first ones measure a cold start: ping again at once. */
  readonly eager: boolean;
  /** The path's, as all who share it know it. */
  readonly shortest: number;
  /** Milliseconds that the ping under way has taken at `now`; `undefined` when none is. */
  waiting(now: number): number | undefined;
}

/** Measures anew: the round trip is unknown (0) until the first ping is answered. */
export function createRoundTrip(path: PathDelay = createPathDelay()): RoundTrip {
  let token = 0;
  let startedAt: number | undefined;
  let smoothed = 0;
  let finished = 0;
  return {
    start(now) {
      startedAt = now;
      token = (token + 1) >>> 0;
      return token;
    },
    finish(answered, now, loaded) {
      if (startedAt === undefined || answered !== token) return;
      // A clock too coarse to see the round trip must not say "unknown".
      const sample = Math.max(now - startedAt, 0.01);
      startedAt = undefined;
      path.learn(sample, loaded);
      finished++;
      if (finished <= EAGER_SAMPLES) smoothed = path.shortest;
      else smoothed += (sample - smoothed) * (sample > smoothed ? LONGER : SHORTER);
    },
    waiting: (now) => (startedAt === undefined ? undefined : now - startedAt),
    get smoothed() {
      return smoothed;
    },
    get eager() {
      return startedAt === undefined && finished < EAGER_SAMPLES;
    },
    get shortest() {
      return path.shortest;
    },
  };
}
