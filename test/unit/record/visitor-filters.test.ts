import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AccessFile } from '../../../edge/record/access-file.ts';
import type { LogFilter } from '../../../edge/record/access-log.ts';
import { accessRecordSchema } from '../../../shared/contract/control-api.ts';
import { newRecord, packRecords } from './records.ts';

let dir: string;
let file: AccessFile;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'porthole-access-'));
  file = AccessFile.open({ file: join(dir, 'access.db'), retention: 3600_000, maxBytes: 2 ** 30 });
});
afterEach(() => {
  file.close();
  rmSync(dir, { recursive: true });
});

const RECORDS = [
  newRecord({ path: '/a', auth: 'pin', country: 'DE' }),
  newRecord({ path: '/b', auth: 'sso', user: 'Ana@example.com', address: '2001:db8::1' }),
  newRecord({ path: '/C', failure: 'ip_restricted', reason: 'no allowed network' }),
  newRecord({ path: '/d', observed: 'crowdsec_ban' }),
];

const search = (filter: Partial<LogFilter>): string[] =>
  file
    .search({ agentId: 'ada', serviceIds: ['shop'] }, { limit: 100, ...filter }, undefined, 100)
    .records.map(({ path }) => path);

it('gives back who came in, and why somebody did not', () => {
  file.append(packRecords(RECORDS));
  const found = file.search({ agentId: 'ada', serviceIds: ['shop'] }, { limit: 100 }, undefined, 100).records;
  expect(found.toReversed()).toEqual(RECORDS);
  for (const record of found) expect(accessRecordSchema.parse(record)).toEqual(record);
});

it.each<[Partial<LogFilter>, string[]]>([
  [{ auth: 'pin' }, ['/a']],
  [{ auth: 'ip_restricted' }, ['/C']],
  [{ auth: 'crowdsec_ban' }, ['/d']],
  [{ country: 'de' }, ['/a']],
  [{ user: 'ana@' }, ['/b']],
  [{ address: '2001:DB8::1' }, ['/b']],
  [{ path: '/c' }, ['/C']],
])('finds %j', (filter, paths) => {
  file.append(packRecords(RECORDS));
  expect(search(filter)).toEqual(paths);
});
