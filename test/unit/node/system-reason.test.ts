import { describe, expect, it } from 'vitest';
import { because } from '../../../shared/domain/reason.ts';
import { systemCode, systemReason } from '../../../shared/node/system-reason.ts';

const failed = (code: string): Error => Object.assign(new Error(`${code}: it failed, open '/x'`), { code });

describe('the reason of a failed system call', () => {
  it('is told in words, and by its code where there are none', () => {
    expect(systemReason(failed('EACCES'))).toEqual(because('denied'));
    expect(systemReason(failed('ENOSPC'))).toEqual(because('disk_full'));
    expect(systemReason(failed('ELOOP'))).toBe('ELOOP');
  });

  it("is an error's own message when it has no code", () => {
    expect(systemReason(new Error('It broke.'))).toBe('It broke.');
    expect(systemReason('odd')).toBe('odd');
    expect([systemCode(new Error('It broke.')), systemCode('odd')]).toEqual(['', '']);
  });
});
