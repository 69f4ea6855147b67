import { afterEach, describe, expect, test } from 'vitest';
import { Crowdsec, POLL_INTERVAL } from '../../edge/access/crowdsec.ts';
import { readAddress } from '../../edge/access/network-map.ts';
import { silentLogger } from '../../shared/node/logger.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** A local API of CrowdSec, the real one or what stands in for it. */
export interface CrowdsecApi {
  readonly url: string;
  readonly key: string;
  ban(value: string, type: 'ban' | 'captcha'): Promise<void>;
  takeBack(value: string): Promise<void>;
  stop(): Promise<void>;
}

/** What the edge expects of CrowdSec. */
export function crowdsecSuite(name: string, start: () => Promise<CrowdsecApi>): void {
  describe(name, () => {
    const ends: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end();
    });

    async function follow(key?: string) {
      const api = await start();
      ends.push(() => api.stop());
      await api.ban('192.0.2.7', 'ban');
      const clock = new ManualClock();
      const crowdsec = new Crowdsec({ url: api.url, key: key ?? api.key, clock, logger: silentLogger });
      ends.push(() => crowdsec.close());
      crowdsec.start();
      const about = (text: string) => {
        const address = readAddress(text);
        return address === undefined ? 'no address' : crowdsec.remedy(address);
      };
      return { api, crowdsec, clock, about };
    }

    test('tells all decisions first, then what came and what went', async () => {
      const { api, clock, about } = await follow();
      await expect.poll(() => about('192.0.2.7')).toBe('ban');
      expect(about('192.0.2.8')).toBeUndefined();

      await api.ban('198.51.100.0/24', 'captcha');
      await api.ban('2001:db8::/32', 'ban');
      await expect
        .poll(() => {
          clock.advance(POLL_INTERVAL);
          return [about('198.51.100.9'), about('2001:db8::9')];
        })
        .toEqual(['captcha', 'ban']);

      await api.takeBack('192.0.2.7');
      await expect
        .poll(() => {
          clock.advance(POLL_INTERVAL);
          return about('192.0.2.7');
        })
        .toBeUndefined();
      expect(about('198.51.100.9')).toBe('captcha');
    });

    test('turns away whoever has another key', async () => {
      const { crowdsec, about } = await follow('not-the-key-of-anybody');
      await expect.poll(() => crowdsec.state.fault).toBe('it does not accept the key');
      expect(about('192.0.2.7')).toBe('unavailable');
    });
  });
}
