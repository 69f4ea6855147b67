import { expect, test } from 'vitest';
import { openAccess, type Restricted } from '../../../edge/access/open-access.ts';
import type { Visit } from '../../../edge/visit.ts';
import type { FailureCode } from '../../../shared/domain/failure.ts';
import type { Restrictions } from '../../../shared/domain/restrictions.ts';
import type { Service } from '../../../shared/domain/service.ts';
import { createLifetime } from '../../../shared/node/lifetime.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Visits of two visitors to one service, whose restrictions change. */
function stand(countryDatabase?: string) {
  const life = createLifetime();
  const around = { clock: new ManualClock(), logger: silentLogger };
  const access = openAccess({ countryDatabase, around, reputation: { remedy: () => undefined } }, life);
  let now: Restrictions | undefined;
  const ended: [address: string, code: FailureCode][] = [];
  const rechecked: string[] = [];
  const visits = ['8.8.8.8', '192.0.2.1'].map(
    (peerAddress) => ({ route: { serviceId: 'a' }, connection: { peerAddress } }) as unknown as Visit,
  );
  const those: Restricted = {
    restrictionsOf: () => now,
    endVisits: (gone, code) => {
      for (const visit of visits) if (gone(visit)) ended.push([visit.connection.peerAddress, code]);
    },
    recheck: (ids) => rechecked.push(...ids),
  };
  const change = (restrictions: Restrictions): void => {
    now = restrictions;
    access.follow([{ id: 'a', service: { id: 'a', restrictions } as Service }], those);
  };
  return { access, ended, rechecked, change, [Symbol.asyncDispose]: () => life[Symbol.asyncDispose]() };
}

test('networks end at once whom they do not let in', async () => {
  await using made = stand();
  made.change({ blockCidrs: ['8.8.8.0/24'] });
  expect(made.ended).toEqual([['8.8.8.8', 'ip_restricted']]);
  expect(made.rechecked).toEqual(['a']);
});

test('countries end nobody before it is known where the visitors are', async () => {
  await using made = stand();
  made.change({ blockCountries: ['US'] });
  // Who comes meanwhile is not let in.
  expect(made.access.judge({ blockCountries: ['US'] }, '192.0.2.1').denied).toBe('geo_unavailable');
  expect([made.ended, made.rechecked]).toEqual([[], []]);
  await made.access.ready();
  expect(made.ended).toEqual([['8.8.8.8', 'country_restricted']]);
  expect(made.rechecked).toEqual(['a']);
  made.change({ allowCountries: ['US'] });
  expect(made.ended.slice(1)).toEqual([['192.0.2.1', 'country_restricted']]);
});

test('what is true when the database has been read counts, not what was', async () => {
  await using made = stand();
  made.change({ blockCountries: ['US'] });
  made.change({ blockCountries: ['DE'] });
  await made.access.ready();
  expect(made.ended).toEqual([]);
});

test('a database that is not there ends everybody, once that is known', async () => {
  await using made = stand('/nowhere/countries.mmdb');
  made.change({ blockCountries: ['US'] });
  expect(made.ended).toEqual([]);
  await made.access.ready();
  expect(made.ended).toEqual([
    ['8.8.8.8', 'geo_unavailable'],
    ['192.0.2.1', 'geo_unavailable'],
  ]);
});
