import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type accessRecordSchema,
  logQuerySchema,
  newServiceSchema,
  servicePatchSchema,
  type serviceSchema,
  type targetSchema,
} from '../../../shared/contract/control-api.ts';
import { CALLS, CHANNELS, type Outputs } from '../../../shared/contract/ipc.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import type { Service, Target } from '../../../shared/domain/service.ts';

/** Schemas yield writable objects; the domain's are read-only. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

describe('schemas', () => {
  it('yield the very types of the domain', () => {
    expectTypeOf<ReturnType<typeof targetSchema.parse>>().toEqualTypeOf<Mutable<Target>>();
    expectTypeOf<ReturnType<typeof accessRecordSchema.parse>>().toEqualTypeOf<Mutable<AccessRecord>>();
    expectTypeOf<ReturnType<typeof serviceSchema.parse>>().toExtend<Service>();
  });

  it('give a new service its defaults', () => {
    expect(newServiceSchema.parse({ targets: [{ port: 3000 }] })).toEqual({
      targets: [{ type: 'agent', host: 'localhost', port: 3000, protocol: 'http', path: '/', enabled: true }],
      enabled: true,
      passHostHeader: false,
      source: 'permanent',
    });
  });

  it.each([
    [newServiceSchema, { targets: [] }],
    [newServiceSchema, { targets: [{ port: 0 }] }],
    [newServiceSchema, { targets: [{ port: 65536 }] }],
    [newServiceSchema, { targets: [{ port: 3000, path: 'api' }] }],
    [newServiceSchema, { targets: [{ port: 3000 }], unknown: 1 }],
    [servicePatchSchema, { source: 'ephemeral' }],
    [logQuerySchema, { status: '6xx' }],
    [logQuerySchema, { limit: 0 }],
  ])('refuse what is out of bounds (%#)', (schema, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });
});

describe('the contract between interface and main', () => {
  it('names an input and an output for every call', () => {
    expectTypeOf<keyof typeof CALLS>().toEqualTypeOf<keyof Outputs>();
    expect(CHANNELS).toEqual(Object.keys(CALLS));
  });

  it('refuses keys that a call does not know', () => {
    expect(CALLS['services:remove'].safeParse({ id: 'a', force: true }).success).toBe(false);
    expect(CALLS['state:get'].safeParse({}).success).toBe(false);
  });
});
