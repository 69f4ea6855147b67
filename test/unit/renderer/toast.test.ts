import { expect, it } from 'vitest';
import { withNotice } from '../../../renderer/controls/toast.tsx';
import type { Notice } from '../../../shared/contract/ipc.ts';

const notice = (id: number, kind: Notice['kind']): Notice => ({ id, kind, title: kind, body: '' });
const ids = (shown: readonly Notice[]): readonly number[] => shown.map(({ id }) => id);

it('shows three news at most, the oldest make room', () => {
  const shown = [1, 2, 3, 4].reduce<readonly Notice[]>((all, id) => withNotice(all, notice(id, 'visitor')), []);
  expect(ids(shown)).toEqual([2, 3, 4]);
});

it('takes back that the laptop was offline once it is back', () => {
  const shown = withNotice([notice(1, 'offline'), notice(2, 'certificate')], notice(3, 'back'));
  expect(ids(shown)).toEqual([2, 3]);
});
