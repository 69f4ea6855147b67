import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type CountryResponse, Reader } from 'maxmind';
import { sayReason } from '../../shared/domain/reason.ts';
import type { Clock } from '../../shared/node/clock.ts';
import type { Logger } from '../../shared/node/logger.ts';
import { systemReason } from '../../shared/node/system-reason.ts';
import { addressText, type VisitorAddress } from './network-map.ts';

/** Milliseconds between two looks whether the file has changed. */
const LOOK_INTERVAL = 5_000;
/** Bytes that a database may have. */
const LARGEST = 512 * 1024 * 1024;

export interface CountryDatabaseOptions {
  /** Absolute; the bundled database when left out. */
  readonly file?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a record says: MaxMind's databases nest the code, the bundled one doesn't. */
type CountryRecord = CountryResponse & { readonly country_code?: string };

/**
 * Countries by address, from a MaxMind database file. The file is read when the first service asks, and again whenever it
 * has changed; one that can't be read leaves the last good one in place.
 */
export class CountryDatabase {
  readonly #options: CountryDatabaseOptions;
  readonly #file: string | undefined;
  #reader: Reader<CountryRecord> | undefined;
  #loading: Promise<void> | undefined;
  #looked = false;
  /** What the file looked like when it was read last, or not to be read. */
  #state = '';
  #stopLooking: (() => void) | undefined;
  #closed = false;

  constructor(options: CountryDatabaseOptions) {
    this.#options = options;
    this.#file = options.file ?? bundledFile();
  }

  /** Whether there is a database in place. */
  get ready(): boolean {
    return this.#reader !== undefined;
  }

  /** Whether it is known if there is a database. */
  get settled(): boolean {
    return this.#looked;
  }

  /** Loads the database if that hasn't happened, and follows the file from now on. */
  use(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#stopLooking ??= this.#options.clock.setInterval(() => void this.#look(), LOOK_INTERVAL);
    this.#loading ??= this.#look().finally(() => {
      this.#looked = true;
    });
    return this.#loading;
  }

  /** ISO 3166-1 alpha-2, upper-case; `undefined` when it isn't known, `unavailable` when there is no database. */
  country(address: VisitorAddress): string | undefined | 'unavailable' {
    if (this.#reader === undefined) return 'unavailable';
    const record = this.#reader.get(addressText(address));
    const code = record?.country_code ?? record?.country?.iso_code ?? record?.registered_country?.iso_code;
    return typeof code === 'string' && /^[A-Za-z]{2}$/.test(code) ? code.toUpperCase() : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#stopLooking?.();
  }

  async #look(): Promise<void> {
    if (this.#file === undefined) return this.#complain('missing', 'none is installed');
    let state = 'missing';
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      state = `${ino} ${size} ${mtimeMs}`;
      if (state === this.#state) return;
      if (size > LARGEST) throw new Error(`it is larger than ${LARGEST} bytes`);
      const reader = new Reader<CountryRecord>(await readFile(this.#file));
      // Whatever is no database of addresses says so at the first question.
      reader.get('192.0.2.1');
      this.#state = state;
      this.#reader = reader;
      this.#options.logger.info('the country database is in place', { file: this.#file });
    } catch (error) {
      this.#complain(state, sayReason(systemReason(error)));
    }
  }

  /** Once for each state of the file: the next look finds the same. */
  #complain(state: string, reason: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.logger.error('the country database cannot be read', {
      file: this.#file,
      reason,
      inUse: this.#reader === undefined ? 'none' : 'the one before',
    });
  }
}

/** The database of `@ip-location-db/geo-whois-asn-country-mmdb` (CC0); `undefined` where it isn't installed. */
function bundledFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(
      '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
    );
  } catch {
    return undefined;
  }
}
