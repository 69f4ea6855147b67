import { describe, expect, it } from 'vitest';
import { createId } from '../../../shared/domain/id.ts';
import { because } from '../../../shared/domain/reason.ts';
import { crc32, createToken, tokenFault } from '../../../shared/domain/token.ts';

const counting = () => {
  let next = 0;
  return (length: number) => Uint8Array.from({ length }, () => next++ * 37);
};

describe('crc32', () => {
  it('agrees with the check value of CRC-32/ISO-HDLC', () => {
    expect(crc32('123456789')).toBe(0xcbf43926);
  });
});

describe('tokens', () => {
  it('are well formed when fresh', () => {
    const token = createToken('join', counting());
    expect(token).toMatch(/^phj_[0-9A-Za-z]{49}$/);
    expect(tokenFault('join', token)).toBeUndefined();
  });

  it('do not pass as another kind', () => {
    expect(tokenFault('agent', createToken('join', counting()))).toEqual(because('token_prefix', { prefix: 'pha_' }));
  });

  it('notice every single wrong character', () => {
    const token = createToken('agent', counting());
    for (let i = 4; i < token.length; i++) {
      const wrong = token.slice(0, i) + (token[i] === 'x' ? 'y' : 'x') + token.slice(i + 1);
      expect(tokenFault('agent', wrong), wrong).toBeDefined();
    }
  });

  it('notice a cut-off copy', () => {
    expect(tokenFault('join', createToken('join', counting()).slice(0, -1))).toEqual(because('token_length'));
  });
});

describe('createId', () => {
  it('sorts by time and has a fixed length', () => {
    const random = counting();
    const ids = [0, 1, 31, 32, 1e9, 1.7e12, 4e12].map((now) => createId(now, random));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([26]));
  });
});
