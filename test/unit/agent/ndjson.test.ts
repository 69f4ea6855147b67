import { describe, expect, it } from 'vitest';
import { createLineReader } from '../../../main/agent/ndjson.ts';

describe('the line reader', () => {
  const bytes = Buffer.from('{"a":"ä€"}\r\n\n{"b":1}\n{"c"');

  it('yields the same lines wherever the bytes are split', () => {
    for (let i = 0; i <= bytes.length; i++)
      for (let j = i; j <= bytes.length; j++) {
        const read = createLineReader(100);
        const parts = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)];
        expect(parts.flatMap((part) => read(part) ?? ['too long'])).toEqual(['{"a":"ä€"}', '', '{"b":1}']);
      }
  });

  it('gives up on a line that grows past the limit, however it arrives', () => {
    expect(createLineReader(4)(Buffer.from('12345\n'))).toBeUndefined();
    expect(createLineReader(4)(Buffer.from('12345'))).toBeUndefined();
    const read = createLineReader(4);
    expect(read(Buffer.from('123'))).toEqual([]);
    expect(read(Buffer.from('4\n1234'))).toEqual(['1234']);
    expect(read(Buffer.from('5'))).toBeUndefined();
  });

  it('does not keep the buffer that it was fed', () => {
    const read = createLineReader(100);
    const chunk = Buffer.from('abc');
    read(chunk);
    chunk.fill(0);
    expect(read(Buffer.from('\n'))).toEqual(['abc']);
  });
});
