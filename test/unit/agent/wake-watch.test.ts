import { describe, expect, it } from 'vitest';
import { systemAddresses, type WakeReason, watchWake } from '../../../main/agent/wake-watch.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A clock whose wall time runs on while its timers don't, as in sleep. */
class SleepyClock extends ManualClock {
  #slept = 0;

  sleep(ms: number): void {
    this.#slept += ms;
  }

  override now(): number {
    return super.now() + this.#slept;
  }
}

function bench() {
  const clock = new SleepyClock();
  const woken: WakeReason[] = [];
  const network = { addresses: 'en0 10.0.0.2' };
  const stop = watchWake({ clock, addresses: () => network.addresses, onWake: (reason) => woken.push(reason) });
  return { clock, woken, network, stop };
}

describe('the watch for sleep and networks', () => {
  it('says nothing while nothing happens', () => {
    const { clock, woken } = bench();
    clock.advance(100_000);
    expect(woken).toEqual([]);
  });

  it('notices sleep at the first look after it, once', () => {
    const { clock, woken } = bench();
    clock.advance(4_000);
    clock.sleep(60_000);
    clock.advance(10_000);
    expect(woken).toEqual(['slept']);
  });

  it('takes no notice of a clock that is set back, or forward a little', () => {
    const { clock, woken } = bench();
    clock.sleep(-60_000);
    clock.advance(3_000);
    clock.sleep(4_000);
    clock.advance(10_000);
    expect(woken).toEqual([]);
  });

  it('notices another network, but not the loss of one', () => {
    const { clock, woken, network } = bench();
    network.addresses = '';
    clock.advance(3_000);
    expect(woken).toEqual([]);
    network.addresses = 'en0 192.168.1.7';
    clock.advance(30_000);
    expect(woken).toEqual(['network']);
  });

  it('ends', () => {
    const { clock, stop } = bench();
    stop();
    expect(clock.timers).toBe(0);
  });

  it('reads the same addresses twice from the same machine', () => {
    expect(systemAddresses()).toBe(systemAddresses());
  });
});
