import type { Socket } from 'node:net';
import type { Result } from '../../shared/domain/result.ts';
import { RESET } from '../../shared/wire/codes.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';
import type { AllowList } from './allow-list.ts';
import { LoopbackMemory } from './loopback.ts';
import {
  boundedTimeout,
  type DialSignal,
  dialOrigin,
  type OriginConnection,
  type OriginRefusal,
  refusal,
} from './origin-dial.ts';

export { type DialSignal, type OriginConnection, type OriginRefusal, originRefusal } from './origin-dial.ts';

/** Connections to origins that may be open, and dials that may be under way, at once. */
export const ORIGIN_SOCKETS = 8192;
export const ORIGIN_DIALS = 512;
/** Of these to one target; more wait for their turn. */
const DIALS_PER_TARGET = 128;

/** Connects to the targets that the user has allowed, and to nothing else. */
export interface OriginDialler {
  dial(target: OpenRequest, signal: DialSignal): Promise<Result<OriginConnection, OriginRefusal>>;
  /** Connections open now. */
  readonly open: number;
}

/**
 * A dialler that asks `allowed` before every dial, and cuts what was opened to a target that is not allowed any more:
 * the edge keeps connections for later requests. Type `agent` never leaves loopback: its host is not even looked at,
 * and both loopback addresses are tried, since many servers listen on only one. Names are resolved by the system and
 * their addresses dialled by happy eyeballs (RFC 8305). `signal` ends its interest in changes of the list.
 */
export function createOriginDialler(
  allowed: Pick<AllowList, 'isAllowed' | 'awaited' | 'onChange'>,
  signal: AbortSignal,
): OriginDialler {
  const open = new Map<Socket, OpenRequest>();
  const lines = new DialLines();
  const memory = new LoopbackMemory();
  let dialling = 0;
  let undecided = 0;

  /** Whether `target` is allowed, once whatever is just being made for it is there. */
  const decide = async (target: OpenRequest, given: DialSignal): Promise<boolean> => {
    const decision = allowed.awaited(target);
    if (decision === undefined || undecided >= ORIGIN_DIALS) return allowed.isAllowed(target);
    undecided++;
    await Promise.race([decision, waitFor(boundedTimeout(target), given)]);
    undecided--;
    return allowed.isAllowed(target);
  };

  const stop = allowed.onChange(() => {
    for (const [socket, target] of open) if (!allowed.isAllowed(target)) socket.destroy();
  });
  signal.addEventListener('abort', stop, { once: true });

  return {
    get open() {
      return open.size;
    },
    async dial(target, given) {
      if (!allowed.isAllowed(target) && !(await decide(target, given))) return notAllowed();
      if (open.size + lines.waiting >= ORIGIN_SOCKETS || dialling >= ORIGIN_DIALS)
        return refusal(RESET.LIMIT, 'too many connections to origins');
      const line = lines.of(target);
      const turn = lines.enter(line);
      if (turn !== undefined) await turn;
      dialling++;
      const dialled = await dialOrigin(target, given, memory);
      dialling--;
      lines.leave(line);
      if (!dialled.ok) return dialled;
      const { socket } = dialled.value;
      if (!allowed.isAllowed(target)) {
        socket.on('error', () => {}).destroy();
        return notAllowed();
      }
      open.set(socket, target);
      socket.once('close', () => open.delete(socket));
      return dialled;
    },
  };
}

/** The dials of one target. */
interface DialLine {
  readonly key: string;
  active: number;
  readonly waiting: (() => void)[];
}

/**
 * Lets so many dials at a time go to one target; the others wait in line. A burst is then served in turn rather than
 * refused, and a target that never answers holds no more than its share of the dials.
 */
class DialLines {
  readonly #lines = new Map<string, DialLine>();
  waiting = 0;

  of({ type, host, port }: OpenRequest): DialLine {
    const key = `${type} ${host} ${port}`;
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line = { key, active: 0, waiting: [] };
    this.#lines.set(key, line);
    return line;
  }

  /** `undefined` when it is this dial's turn; otherwise what to wait for. `leave` when the dial is over. */
  enter(line: DialLine): Promise<void> | undefined {
    if (line.active < DIALS_PER_TARGET) {
      line.active++;
      return undefined;
    }
    this.waiting++;
    return new Promise((resolve) => line.waiting.push(resolve));
  }

  leave(line: DialLine): void {
    const next = line.waiting.shift();
    if (next !== undefined) {
      this.waiting--;
      next();
    } else if (--line.active === 0) this.#lines.delete(line.key);
  }
}

const notAllowed = (): Result<never, OriginRefusal> =>
  refusal(RESET.NOT_ALLOWED, 'the user has not allowed this service that target');

/** Resolves after `ms` milliseconds, or when `signal` aborts. */
function waitFor(ms: number, signal: DialSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over, { once: true });
  });
}
