import { copyFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CountryDatabase } from '../../../edge/access/country-database.ts';
import { readAddress } from '../../../edge/access/network-map.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const require = createRequire(import.meta.url);
const bundled = (family: 'ipv4' | 'ipv6'): string =>
  require.resolve(`@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-${family}.mmdb`);

const open: CountryDatabase[] = [];
afterEach(() => {
  for (const database of open.splice(0)) database.close();
});
function database(file?: string) {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const logger = { ...silentLogger, error: (_: string, fields: unknown) => void errors.push(fields) };
  const made = new CountryDatabase({ file, clock, logger });
  open.push(made);
  const country = (text: string) => {
    const address = readAddress(text);
    return address === undefined ? 'no address' : made.country(address);
  };
  return { countries: made, country, clock, errors };
}

test('the bundled database works out of the box', async () => {
  const { countries, country } = database();
  expect(country('8.8.8.8')).toBe('unavailable');
  await countries.use();
  expect(country('8.8.8.8')).toBe('US');
  expect(country('2001:4860:4860::8888')).toBe('US');
  expect(country('127.0.0.1')).toBeUndefined();
  expect(country('192.0.2.1')).toBeUndefined();
});

test('a file of one’s own replaces it, and is read again when it changes', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'countries.mmdb');
  const { countries, country, clock, errors } = database(file);
  await countries.use();
  expect(country('8.8.8.8')).toBe('unavailable');
  expect(errors).toHaveLength(1);

  await copyFile(bundled('ipv6'), `${file}.new`);
  await rename(`${file}.new`, file);
  await expect
    .poll(() => {
      clock.advance(5_000);
      return country('2001:4860:4860::8888');
    })
    .toBe('US');

  // Damaged: the one before stays. Put there at once, as a look may be under way, and an empty file is another state.
  await writeFile(`${file}.new`, 'not a database');
  await rename(`${file}.new`, file);
  await expect
    .poll(() => {
      clock.advance(5_000);
      return errors;
    })
    .toHaveLength(2);
  expect(errors[1]).toMatchObject({ inUse: 'the one before' });
  expect(country('2001:4860:4860::8888')).toBe('US');

  await copyFile(bundled('ipv4'), `${file}.new`);
  await rename(`${file}.new`, file);
  await expect
    .poll(() => {
      clock.advance(5_000);
      return country('8.8.8.8');
    })
    .toBe('US');
});
