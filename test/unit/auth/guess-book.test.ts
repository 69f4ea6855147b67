import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuessBook, type GuessStore, type Leave } from '../../../edge/auth/guess-book.ts';
import { FIRST_LOCK, type Guessable, SERVICE_RATES } from '../../../edge/auth/guessing.ts';
import { createStore } from '../../../edge/store/create-store.ts';
import type { Store } from '../../../edge/store/store.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { err } from '../../../shared/domain/result.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let store: Store;
let book: GuessBook;
beforeEach(() => {
  clock = new ManualClock();
  store = must(createStore({ dataDir: ':memory:', serve: true, now: () => clock.now() }));
  book = new GuessBook(store, clock, silentLogger);
});
afterEach(async () => {
  book.close();
  await store.close();
});

const attempt = (source: string, what: Guessable = 'pin', serviceId = 's') => ({ serviceId, what, source });
const fail = async (times: number, source = 'a', on = book): Promise<Leave[]> => {
  const leaves: Leave[] = [];
  for (let i = 0; i < times; i++) leaves.push(await on.begin(attempt(source)));
  return leaves;
};

describe('the book of guesses', () => {
  it('says with the sixth failure that it locks, and lets no seventh be made', async () => {
    const leaves = await fail(7);
    expect(leaves.map(({ kind }) => kind)).toEqual(['go', 'go', 'go', 'go', 'go', 'go', 'wait']);
    expect(leaves[4]).toEqual({ kind: 'go', lock: 0 });
    expect(leaves[5]).toEqual({ kind: 'go', lock: FIRST_LOCK / 1000 });
    expect(leaves[6]).toEqual({ kind: 'wait', seconds: FIRST_LOCK / 1000 });
    expect(book.wait('s', 'a')).toBe(FIRST_LOCK / 1000);
    expect(book.wait('s', 'b')).toBe(0);
    clock.advance(FIRST_LOCK);
    expect(book.wait('s', 'a')).toBe(0);
    expect(await fail(2)).toEqual([
      { kind: 'go', lock: 60 },
      { kind: 'wait', seconds: 60 },
    ]);
  });

  it('is one book for all nodes', async () => {
    const other = new GuessBook(store, clock, silentLogger);
    await fail(6);
    expect(await fail(1, 'a', other)).toEqual([{ kind: 'wait', seconds: FIRST_LOCK / 1000 }]);
    other.close();
  });

  it('lets as many of many at once go as it would one after the other', async () => {
    const leaves = await Promise.all(Array.from({ length: 30 }, () => book.begin(attempt('a'))));
    expect(leaves.filter(({ kind }) => kind === 'go')).toHaveLength(6);
  });

  it('forgives what was right, and what was never compared', async () => {
    for (let i = 0; i < 20; i++) {
      await book.begin(attempt('a'));
      await book.undone(attempt('a'));
    }
    await fail(6);
    await book.succeeded(attempt('a'));
    expect(await fail(1)).toEqual([{ kind: 'go', lock: 0 }]);
  });

  it('makes strangers wait once all of them together were wrong too often, and not those it knows', async () => {
    await book.begin(attempt('friend'));
    await book.succeeded(attempt('friend'));
    const { burst, every } = SERVICE_RATES.pin;
    for (let i = 0; i < burst; i++) expect((await book.begin(attempt(`bot ${i}`))).kind).toBe('go');
    expect(await book.begin(attempt('guest'))).toEqual({ kind: 'wait', seconds: every / 1000 });
    expect((await book.begin(attempt('friend'))).kind).toBe('go');
    expect((await book.begin(attempt('other guest', 'password'))).kind).toBe('go');
    expect((await book.begin(attempt('another guest', 'pin', 'other service'))).kind).toBe('go');
    clock.advance(every);
    expect((await book.begin(attempt('guest'))).kind).toBe('go');
    expect((await book.begin(attempt('next guest'))).kind).toBe('wait');
  });

  it('counts an address over all services, too', async () => {
    const leaves: string[] = [];
    for (let i = 0; i < 60; i++) leaves.push((await book.begin(attempt('a', 'pin', `service ${i}`))).kind);
    expect(leaves.filter((kind) => kind === 'go')).toHaveLength(40);
    expect((await book.begin(attempt('b', 'pin', 'service 1'))).kind).toBe('go');
  });

  it('tells who insists from who waits', async () => {
    await fail(6);
    const insists = Array.from({ length: 60 }, () => book.insists('s', 'a'));
    expect(insists.indexOf(true)).toBe(50);
    clock.advance(FIRST_LOCK);
    expect(book.insists('s', 'a')).toBe(false);
  });

  it('lets nobody guess while it can’t count', async () => {
    const away: GuessStore = {
      changeGuesses: () => Promise.resolve(err(failure('data_busy', { path: 'x' }))),
      pruneGuesses: () => Promise.resolve(err(failure('data_busy', { path: 'x' }))),
    };
    const blind = new GuessBook(away, clock, silentLogger);
    expect(await fail(2, 'a', blind)).toEqual([{ kind: 'busy' }, { kind: 'busy' }]);
    const broken = new GuessBook(
      { ...away, changeGuesses: () => Promise.reject(new Error('bug')) },
      clock,
      silentLogger,
    );
    expect(await fail(1, 'a', broken)).toEqual([{ kind: 'busy' }]);
    blind.close();
    broken.close();
  });

  it('waits for the store with a bounded number, in few writes', async () => {
    const gate = Promise.withResolvers<void>();
    let writes = 0;
    const slow: GuessStore = {
      pruneGuesses: store.pruneGuesses.bind(store),
      async changeGuesses(keys, change) {
        writes++;
        await gate.promise;
        return store.changeGuesses(keys, change);
      },
    };
    const crowded = new GuessBook(slow, clock, silentLogger);
    const leaves = Array.from({ length: 2000 }, (_, i) => crowded.begin(attempt(`bot ${i}`, 'share')));
    gate.resolve();
    const kinds = (await Promise.all(leaves)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'busy').length).toBeGreaterThan(1400);
    expect(writes).toBeLessThan(20);
    crowded.close();
  });
});
