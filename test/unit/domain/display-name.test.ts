import { describe, expect, it } from 'vitest';
import { parseInput } from '../../../edge/control/input.ts';
import {
  joinRequestSchema,
  newServiceSchema,
  servicePatchSchema,
  serviceSchema,
} from '../../../shared/contract/control-api.ts';
import { CALLS } from '../../../shared/contract/ipc.ts';
import { isDisplayName } from '../../../shared/domain/display-name.ts';
import { decodeHello, encodeHello } from '../../../shared/wire/handshake.ts';
import { newService } from '../../compliance/data.ts';

const HOSTILE = [
  'a\x00b',
  'a\x1b[2Jb',
  'a\nb',
  'a\x7fb',
  'a\x9b2Jb',
  'a\u2028b',
  'pay\u202elap',
  'a\u2066b',
  'a\u2069b',
];
const HONEST = ['Shop', 'Köln · 東京 👩‍💻', 'متجر', 'שלום\u200f!', 'a\u00a0b'];

/** The payload begins with the brace of its JSON. */
const helloOf = (name: string) => {
  const frame = encodeHello({ protocol: 1, agentId: 'a', credential: 'c', version: '1', name });
  return decodeHello(frame.subarray(frame.indexOf(0x7b)));
};

describe('a name that people are shown', () => {
  it.each(HONEST)('may be %j', (name) => {
    expect(isDisplayName(name)).toBe(true);
    expect(parseInput(servicePatchSchema, { name })).toMatchObject({ ok: true, value: { name } });
    expect(helloOf(name)).toMatchObject({ ok: true, value: { name } });
  });

  it.each(HOSTILE)('is refused at its field as %j', (name) => {
    const refused = { ok: false, error: { code: 'input_invalid', field: 'name' } };
    expect(parseInput(newServiceSchema, { name, targets: [{ port: 1 }] })).toMatchObject(refused);
    expect(parseInput(servicePatchSchema, { name })).toMatchObject(refused);
    expect(parseInput(joinRequestSchema, { token: 't', name })).toMatchObject(refused);
    expect(parseInput(CALLS['cluster:join'], { url: 'u', token: 't', name })).toMatchObject(refused);
    expect(helloOf(name)).toMatchObject({ ok: false, error: 'malformed' });
  });

  it('that was stored before is still read', () => {
    expect(serviceSchema.safeParse({ ...newService('a', 'x'), name: 'a\x9bb' }).success).toBe(true);
  });
});
