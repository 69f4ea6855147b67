import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordCounts, Recorder, TailBatch } from '../../../edge/record/access-log.ts';
import { createRecorder, RESTART } from '../../../edge/record/recorder.ts';
import { type Clock, systemClock } from '../../../shared/node/clock.ts';
import { silentLogger } from '../../../shared/node/logger.ts';
import { must } from '../../compliance/data.ts';
import { newRecord, packRecords } from './records.ts';

const ENTRY = new URL('../../../edge/record/worker.ts', import.meta.url);
const SCOPE = { agentId: 'ada', serviceIds: ['shop'] };
let dir: string;
let recorder: Recorder;
const open = (file = join(dir, 'access.db'), maxBytes?: number): Recorder =>
  createRecorder({ file, entry: ENTRY, log: silentLogger, ...(maxBytes === undefined ? {} : { maxBytes }) });
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'porthole-recorder-'));
});
afterEach(async () => {
  await recorder.close();
  rmSync(dir, { recursive: true });
});

/** Resolves when the counts fit; the recorder's own progress is what is waited for. */
async function counted(fits: (counts: RecordCounts) => boolean): Promise<RecordCounts> {
  while (!fits(recorder.counts())) await recorder.query(SCOPE, { limit: 1 });
  return recorder.counts();
}

describe('the recorder', () => {
  it('writes records on its thread and finds them again, over a restart too', async () => {
    recorder = open();
    const records = Array.from({ length: 2500 }, () => newRecord());
    for (const record of records) recorder.record(record);
    await recorder.close();
    expect(recorder.counts()).toEqual({ written: 2500, dropped: 0, queued: 0 });
    recorder = open();
    const page = must(await recorder.query(SCOPE, { limit: 1000 }));
    const next = must(await recorder.query(SCOPE, { limit: 1000, cursor: page.cursor ?? '' }));
    const last = must(await recorder.query(SCOPE, { limit: 1000, cursor: next.cursor ?? '' }));
    expect([...page.records, ...next.records, ...last.records]).toEqual(records.toReversed());
    expect(last.cursor).toBeUndefined();
  });

  it('drops and counts what the writer cannot take in time, and never blocks', async () => {
    recorder = open();
    for (let i = 0; i < 50_000; i++) recorder.record(newRecord());
    const { dropped, queued } = recorder.counts();
    expect(queued).toBeLessThanOrEqual(21_000);
    expect(dropped + queued).toBe(50_000);
    await recorder.close();
    expect(recorder.counts()).toEqual({ written: 50_000 - dropped, dropped, queued: 0 });
  });

  it('writes what other processes have packed, says when that is done, and shows it to who follows', async () => {
    recorder = open();
    const batches = Array.from({ length: 5 }, () => Array.from({ length: 300 }, () => newRecord()));
    const seen: unknown[] = [];
    const followed = new Promise<void>((resolve) => {
      recorder.tail(
        () => true,
        ({ records }) => {
          seen.push(...records);
          if (seen.length >= 200) resolve();
        },
      );
    });
    await Promise.all(
      batches.map((batch) => new Promise<void>((done) => recorder.recordPacked(packRecords(batch), done))),
    );
    expect(recorder.counts()).toEqual({ written: 1500, dropped: 0, queued: 0 });
    await followed;
    expect(seen.slice(0, 200)).toEqual(batches[0]?.slice(0, 200));
    const late = recorder.close();
    const refused = new Promise<void>((done) => recorder.recordPacked(packRecords([newRecord()]), done));
    await Promise.all([late, refused]);
    expect(recorder.counts()).toEqual({ written: 1500, dropped: 1, queued: 0 });
  });

  it('refuses a cursor that it did not give out', async () => {
    recorder = open();
    const page = await recorder.query(SCOPE, { limit: 1, cursor: '1; drop table records' });
    expect(page.ok ? '' : page.error.code).toBe('input_invalid');
  });

  it('drops and counts while its file cannot be written, and recovers once it can', async () => {
    const folder = join(dir, 'blocked');
    writeFileSync(folder, 'a file where a folder should be');
    recorder = open(join(folder, 'access.db'));
    recorder.record(newRecord());
    await counted((c) => c.dropped === 1);
    const refused = await recorder.query(SCOPE, { limit: 1 });
    expect(refused.ok ? '' : refused.error.code).toBe('data_unwritable');
    rmSync(folder);
    mkdirSync(folder);
    const kept = newRecord();
    recorder.record(kept);
    while (recorder.counts().written === 0) {
      await counted((c) => c.queued === 0);
      if (recorder.counts().written === 0) recorder.record(kept);
    }
    expect(must(await recorder.query(SCOPE, { limit: 1 })).records).toEqual([kept]);
  });

  it('gives tails what they want, bounded, and counts the rest', async () => {
    recorder = open();
    const batches: TailBatch[] = [];
    const done = new Promise<void>((resolve) => {
      recorder.tail(
        (r) => r.serviceId === 'shop',
        (batch) => {
          batches.push(batch);
          if (batches.some((b) => b.records.some((r) => r.path === '/last'))) resolve();
        },
      );
    });
    const stop = recorder.tail(
      () => true,
      () => expect.unreachable('stopped'),
    );
    stop();
    for (let i = 0; i < 500; i++) recorder.record(newRecord({ path: '/first' }));
    recorder.record(newRecord({ serviceId: 'other' }));
    while (batches.length === 0) await recorder.query(SCOPE, { limit: 1 });
    recorder.record(newRecord({ path: '/last' }));
    await done;
    expect(batches.map((b) => [b.records.length, b.dropped])).toEqual([
      [200, 300],
      [1, 0],
    ]);
  });

  it('outlives its thread: what was on its way is counted as dropped, and a new one goes on', async () => {
    const file = join(dir, 'access.db');
    const marker = join(dir, 'died');
    // A thread that dies at its first message, and is the real one from its second start on.
    const entry = new URL(
      `data:text/javascript,${encodeURIComponent(`
        const { existsSync, writeFileSync } = await import('node:fs');
        const { parentPort } = await import('node:worker_threads');
        if (existsSync(${JSON.stringify(marker)})) (await import(${JSON.stringify(ENTRY.href)}));
        else parentPort.on('message', () => { writeFileSync(${JSON.stringify(marker)}, ''); process.exit(1); });
      `)}`,
    );
    const restarted = Promise.withResolvers<void>();
    const clock: Clock = {
      ...systemClock,
      setTimeout(callback, delay) {
        if (delay !== RESTART) return systemClock.setTimeout(callback, delay);
        setImmediate(() => {
          callback();
          restarted.resolve();
        });
        return () => {};
      },
    };
    recorder = createRecorder({ file, entry, log: silentLogger, clock });
    recorder.record(newRecord());
    const lost = await recorder.query(SCOPE, { limit: 1 });
    expect(lost.ok ? '' : lost.error.code).toBe('busy');
    expect(recorder.counts()).toEqual({ written: 0, dropped: 1, queued: 0 });
    const kept = newRecord();
    recorder.record(kept);
    await restarted.promise;
    expect(must(await recorder.query(SCOPE, { limit: 10 })).records).toEqual([kept]);
  });
});
