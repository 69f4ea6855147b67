import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Hasher } from '../../../edge/auth/argon2.ts';
import { clusterKey, loadClusterKey } from '../../../edge/auth/cluster-key.ts';
import { newKeyPair, SessionKeys } from '../../../edge/auth/session-keys.ts';
import { must } from '../../compliance/data.ts';

const PHC = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;

describe('a hash', () => {
  it('is Argon2id with its cost, salted anew each time', async () => {
    const hasher = new Hasher();
    const [one, two] = [await hasher.hash('042917'), await hasher.hash('042917')];
    expect(one).toMatch(PHC);
    expect(one).not.toBe(two);
    expect(await hasher.matches(one, '042917')).toBe(true);
    expect(await hasher.matches(one, '042918')).toBe(false);
    expect(await hasher.matches(one, '')).toBe(false);
  });

  it('is made in its turn, by few at once, with a bounded number waiting', async () => {
    const hasher = new Hasher({ slots: 1, places: 2 });
    const order: number[] = [];
    const made = [0, 1, 2, 3].map(async (i) => {
      const hash = await hasher.hash(`p${i}`);
      order.push(i);
      return hash;
    });
    expect(hasher.full).toBe(true);
    expect((await Promise.all(made)).map((hash) => hash !== 'busy')).toEqual([true, true, true, false]);
    expect(order).toEqual([3, 0, 1, 2]);
    expect(hasher.full).toBe(false);
  });

  it('is not compared for somebody who has left', async () => {
    const hasher = new Hasher({ slots: 1, places: 8 });
    const hash = await hasher.hash('p');
    const gone = new AbortController();
    const first = hasher.matches(hash, 'p');
    const second = hasher.matches(hash, 'p', gone.signal);
    gone.abort();
    expect([await first, await second]).toEqual([true, 'gone']);
  });
});

describe('the key of a cluster', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'porthole-key-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is made once, for its owner only, and found again', () => {
    const sealed = must(loadClusterKey(dir)).seal(Buffer.from('secret'));
    expect(readdirSync(dir)).toEqual(['secret.key']);
    expect(statSync(join(dir, 'secret.key')).mode & 0o777).toBe(0o600);
    expect(must(loadClusterKey(dir)).open(sealed)?.toString()).toBe('secret');
    expect(sealed).not.toContain(Buffer.from('secret').toString('base64'));
  });

  it('is refused when others can read it, or when it holds none', () => {
    must(loadClusterKey(dir));
    chmodSync(join(dir, 'secret.key'), 0o644);
    expect(loadClusterKey(dir)).toMatchObject({ ok: false, error: { code: 'data_unwritable' } });
    chmodSync(join(dir, 'secret.key'), 0o600);
    writeFileSync(join(dir, 'secret.key'), 'short');
    expect(loadClusterKey(dir)).toMatchObject({ ok: false, error: { code: 'data_damaged' } });
  });

  it('comes from a file where one is named, and is never made there', () => {
    const file = join(dir, 'shared.key');
    expect(loadClusterKey(dir, file).ok).toBe(false);
    must(loadClusterKey(dir));
    writeFileSync(file, readFileSync(join(dir, 'secret.key')));
    const sealed = must(loadClusterKey(dir)).seal(Buffer.from('x'));
    expect(must(loadClusterKey('/nowhere', file)).open(sealed)?.toString()).toBe('x');
  });

  it('opens nothing that was sealed with another, or changed', () => {
    const key = clusterKey(Buffer.alloc(32, 1));
    const sealed = key.seal(Buffer.from('secret'));
    expect(clusterKey(Buffer.alloc(32, 2)).open(sealed)).toBeUndefined();
    const bytes = Buffer.from(sealed, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(key.open(changed.toString('base64'))).toBeUndefined();
    }
    for (const text of ['', 'x', '====']) expect(key.open(text)).toBeUndefined();
  });

  it('alone makes stored session keys sign', () => {
    const key = clusterKey(Buffer.alloc(32, 1));
    const secrets = { epoch: 1, headers: {}, ...newKeyPair(key) };
    expect(new SessionKeys(key).signer(secrets)?.asymmetricKeyType).toBe('ed25519');
    const other = new SessionKeys(clusterKey(Buffer.alloc(32, 2)));
    expect(other.signer(secrets)).toBeUndefined();
    expect(other.verifier(secrets)?.asymmetricKeyType).toBe('ed25519');
    expect(other.verifier({ ...secrets, publicKey: 'AAAA' })).toBeUndefined();
  });
});
