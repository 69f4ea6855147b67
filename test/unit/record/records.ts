import type { PackedRecords } from '../../../edge/record/access-log.ts';
import { RecordPacker } from '../../../edge/record/record-packer.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';

const START = Date.now();
let count = 0;

/** A record as the proxy makes them, each with an id of its own. */
export function newRecord(more: Partial<AccessRecord> = {}): AccessRecord {
  count++;
  return {
    id: `r${count}`,
    time: START + count,
    kind: 'request',
    serviceId: 'shop',
    agentId: 'ada',
    nodeId: 'node-1',
    protocol: 'http/1.1',
    secure: true,
    method: 'GET',
    host: 'shop.localhost',
    path: `/items/${count}`,
    status: 200,
    duration: 1.234,
    firstByte: 1.1,
    edge: 0.1,
    tunnel: 0.3,
    origin: 0.7,
    bytesUp: 0,
    bytesDown: 1234,
    address: '203.0.113.9',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
    ...more,
  };
}

/** `records` as they travel. */
export function packRecords(records: readonly AccessRecord[]): PackedRecords {
  const packer = new RecordPacker();
  for (const record of records) packer.push(record);
  return packer.take();
}
