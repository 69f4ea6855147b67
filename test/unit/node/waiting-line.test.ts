import { describe, expect, it } from 'vitest';
import { type Lane, type Waiter, WaitingLine } from '../../../shared/node/waiting-line.ts';

const KIB = 1024;
const lane = (key: number): Lane => ({ key, streams: 0, held: 0 });

/** Sends `turn` bytes whenever its turn has come. */
class Sender implements Waiter {
  readonly name: string;
  readonly lane: Lane;
  readonly turn: number;
  #round = 0;
  #sent = 0;

  constructor(name: string, lane: Lane, turn: number) {
    this.name = name;
    this.lane = lane;
    this.turn = turn;
  }

  spent(round: number): number {
    this.#sent = this.turn + (this.#round === round ? this.#sent : 0);
    this.#round = round;
    return this.#sent;
  }
}

/** Whose turn it is, `turns` times, when all stand in line again at once. */
function order(line: WaitingLine<Sender>, turns: number): string[] {
  const names: string[] = [];
  for (let n = 0; n < turns; n++) {
    const next = line.shift();
    if (next === undefined) break;
    names.push(next.name);
    line.push(next);
  }
  return names;
}

const lined = (...senders: readonly Sender[]): WaitingLine<Sender> => {
  const line = new WaitingLine<Sender>();
  for (const sender of senders) line.push(sender);
  return line;
};

describe('a waiting line', () => {
  it('lets services have their turn by turns, however many of one there are', () => {
    const [many, one] = [lane(1), lane(2)];
    const senders = Array.from({ length: 50 }, (_, n) => new Sender(`a${n}`, many, 64 * KIB));
    const names = order(lined(...senders, new Sender('b', one, 64 * KIB)), 8);
    expect(names).toEqual(['a0', 'b', 'a1', 'b', 'a2', 'b', 'a3', 'b']);
  });

  it('lets those of one service have their turn in the order in which they came', () => {
    const one = lane(1);
    const senders = ['a', 'b', 'c'].map((name) => new Sender(name, one, 64 * KIB));
    expect(order(lined(...senders), 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('lets what is small go before the rest of what is large', () => {
    const one = lane(1);
    const large = Array.from({ length: 50 }, (_, n) => new Sender(`l${n}`, one, 64 * KIB));
    const line = lined(...large);
    order(line, 20);
    line.push(new Sender('small', one, 100));
    expect(line.shift()?.name).toBe('small');
  });

  it('lets what is large have every second turn, however much is small', () => {
    const one = lane(1);
    const small = Array.from({ length: 50 }, (_, n) => new Sender('small', one, n));
    const line = lined(new Sender('large', one, 64 * KIB), ...small);
    expect(order(line, 6)).toEqual(['small', 'large', 'small', 'large', 'small', 'large']);
  });

  it('takes what is small for large once it has come to much, until all the others have had their turn', () => {
    const one = lane(1);
    const large = Array.from({ length: 10 }, (_, n) => new Sender(`l${n}`, one, 64 * KIB));
    const names = order(lined(...large, new Sender('often', one, 6 * KIB)), 120);
    const often = names.filter((name) => name === 'often').length;
    const rounds = (names.length - often) / large.length;
    expect(rounds).toBeGreaterThan(8);
    expect(often).toBeGreaterThan(2 * rounds);
    expect(often).toBeLessThan(4 * rounds);
  });

  it('is empty after the last one, and remembers nothing of it', () => {
    const line = lined(new Sender('a', lane(1), 64 * KIB));
    expect([line.length, line.shift()?.name, line.length, line.shift()]).toEqual([1, 'a', 0, undefined]);
    line.push(new Sender('b', lane(1), 1));
    line.clear();
    expect([line.length, line.shift()]).toEqual([0, undefined]);
  });
});
