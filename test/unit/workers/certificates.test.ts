import { beforeEach, expect, it } from 'vitest';
import type { CertificateMaterial } from '../../../edge/certificates/certificates.ts';
import { FetchedCertificates } from '../../../edge/workers/fetched-certificates.ts';
import { selfSigned } from '../../support/certificate.ts';

const seed = new Uint8Array(32).fill(7);
const own = selfSigned();
const other = selfSigned();
let asked: string[];
let answers: (material: CertificateMaterial | undefined) => void;
let certificates: FetchedCertificates;
let pending: ((material: CertificateMaterial | undefined) => void)[];

beforeEach(() => {
  asked = [];
  pending = [];
  answers = (material) => {
    for (const resolve of pending.splice(0)) resolve(material);
  };
  certificates = new FetchedCertificates(
    (name) => {
      asked.push(name);
      return new Promise((resolve) => pending.push(resolve));
    },
    own,
    seed,
  );
});

it('asks once for a name, however many wait for it, and remembers the answer', async () => {
  const first = certificates.secureContext('a.test');
  const second = certificates.secureContext('a.test');
  answers(other);
  const context = await first;
  expect(await second).toBe(context);
  expect(certificates.secureContext('a.test')).toBe(context);
  expect(asked).toEqual(['a.test']);
});

it('keeps one context for all names that a certificate answers for', async () => {
  const first = certificates.secureContext('a.test');
  const second = certificates.secureContext('b.test');
  answers(other);
  expect(await first).toBe(await second);
  expect(asked).toEqual(['a.test', 'b.test']);
});

it('asks again for names that no certificate covers', async () => {
  const first = certificates.secureContext('a.test');
  answers(undefined);
  expect(await first).toBeUndefined();
  void certificates.secureContext('a.test');
  expect(asked).toEqual(['a.test', 'a.test']);
});

it('asks anew after a change, and believes no answer from before it', async () => {
  const before = certificates.defaultContext();
  const early = certificates.secureContext('a.test');
  certificates.renew(other);
  answers(own);
  await early;
  const late = certificates.secureContext('a.test');
  expect(asked).toEqual(['a.test', 'a.test']);
  answers(other);
  expect(await late).toBe(certificates.defaultContext());
  expect(certificates.defaultContext()).not.toBe(before);
});

it('lets workers take up one another’s sessions, of the same certificate only', async () => {
  const elsewhere = new FetchedCertificates(async () => other, own, seed);
  const stranger = new FetchedCertificates(async () => other, own, new Uint8Array(32).fill(8));
  const keysOf = (context: ReturnType<FetchedCertificates['defaultContext']>): string =>
    context.context.getTicketKeys().toString('hex');
  const first = certificates.secureContext('a.test');
  answers(other);
  const context = await first;
  const same = await elsewhere.secureContext('b.test');
  if (context === undefined || same === undefined) throw new Error('no context');
  expect(keysOf(same)).toBe(keysOf(context));
  expect(keysOf(certificates.defaultContext())).not.toBe(keysOf(context));
  expect(keysOf(stranger.defaultContext())).not.toBe(keysOf(elsewhere.defaultContext()));
});
