import { randomBytes } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import type { JoinInput } from '../../../main/app/cluster.ts';
import { JoinDesk, type JoinDeskParts } from '../../../main/app/join-link-desk.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import { createToken } from '../../../shared/domain/token.ts';

const token = createToken('join', randomBytes);
const LINK = `porthole://join/edge.example.com:8443?token=${token}&fingerprint=${'3f'.repeat(32)}`;
const certificate = { kind: 'private', fingerprint: '3f'.repeat(32) } as const;
const about = { domain: 'example.com', version: '1.2.3', operator: 'ACME IT' };

function aDesk(more: Partial<JoinDeskParts> = {}) {
  const glance = vi.fn<NonNullable<JoinDeskParts['glance']>>(async () => ok({ certificate, about }));
  const join = vi.fn(async (_input: JoinInput) => ok({ domain: 'example.com', agentId: 'a1' }));
  const onChange = vi.fn();
  const parts = { join, glance, onChange, joinedTo: () => undefined, now: () => 0, random: randomBytes, ...more };
  return { desk: new JoinDesk(parts), glance, join, onChange };
}

it('shows what a pasted link leads to, and joins only when told', async () => {
  const { desk, join, glance } = aDesk();
  const preview = await desk.look(LINK);
  expect(preview).toMatchObject({
    ok: true,
    value: { state: 'ready', address: 'edge.example.com:8443', ...about, certificate },
  });
  expect(join).not.toHaveBeenCalled();
  expect(JSON.stringify([preview, desk.preview, glance.mock.calls])).not.toContain(token);
  const id = desk.preview?.id ?? '';
  expect(await desk.confirm(id, 'my laptop')).toMatchObject({ ok: true });
  expect(join).toHaveBeenCalledWith({
    url: 'https://edge.example.com:8443',
    token,
    fingerprint: '3f'.repeat(32),
    name: 'my laptop',
  });
  expect(desk.preview).toBeUndefined();
});

it('contacts nobody for a link from outside until the user looks at it', async () => {
  const { desk, glance, join } = aDesk();
  const opened = desk.open(LINK);
  expect(opened).toMatchObject({ ok: true, value: { state: 'asked', address: 'edge.example.com:8443' } });
  const id = desk.preview?.id ?? '';
  expect(await desk.confirm(id, undefined)).toMatchObject({ ok: false });
  expect([glance.mock.calls.length, join.mock.calls.length]).toEqual([0, 0]);
  expect(await desk.check(id)).toMatchObject({ ok: true, value: { state: 'ready' } });
});

it('shows why an edge is not to be joined, and looks again', async () => {
  const glance = vi.fn<NonNullable<JoinDeskParts['glance']>>(async () => ok({ certificate }));
  glance.mockResolvedValueOnce(err(failure('edge_untrusted', { address: 'x', reason: 'y' })));
  const { desk } = aDesk({ glance });
  expect(await desk.look(LINK)).toMatchObject({ value: { state: 'failed', failure: { code: 'edge_untrusted' } } });
  const id = desk.preview?.id ?? '';
  expect(await desk.confirm(id, undefined)).toMatchObject({ ok: false });
  expect(await desk.check(id)).toMatchObject({ value: { state: 'ready' } });
});

it('keeps the link when joining fails, and forgets it when it is dismissed', async () => {
  const join = async () => err(failure('token_used'));
  const { desk } = aDesk({ join });
  await desk.look(LINK);
  const id = desk.preview?.id ?? '';
  expect(await desk.confirm(id, undefined)).toMatchObject({ error: { code: 'token_used' } });
  expect(desk.preview).toMatchObject({ state: 'ready', failure: { code: 'token_used' } });
  expect(desk.dismiss(id)).toMatchObject({ ok: true });
  expect(desk.preview).toBeUndefined();
  expect(await desk.confirm(id, undefined)).toMatchObject({ ok: false });
});

it('lets no link take the place of the one that is being joined', async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok<{ domain: string; agentId: string }>>>();
  const { desk } = aDesk({ join: () => promise });
  await desk.look(LINK);
  const id = desk.preview?.id ?? '';
  const joining = desk.confirm(id, undefined);
  expect(desk.open(LINK)).toMatchObject({ ok: false });
  expect(desk.dismiss(id)).toMatchObject({ ok: false });
  expect(await desk.confirm(id, undefined)).toMatchObject({ ok: false });
  resolve(ok({ domain: 'example.com', agentId: 'a1' }));
  expect(await joining).toMatchObject({ ok: true });
});

it('gives up looking when a newer link comes', async () => {
  const glance = vi.fn<NonNullable<JoinDeskParts['glance']>>(
    (_address, _trust, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () =>
          resolve(err(failure('edge_unreachable', { address: 'x', reason: 'given up' }))),
        );
      }),
  );
  const { desk } = aDesk({ glance });
  const first = desk.look(LINK);
  expect(desk.open(LINK)).toMatchObject({ ok: true });
  expect(await first).toMatchObject({ ok: false });
  expect(desk.preview).toMatchObject({ state: 'asked' });
});

it('refuses links while this laptop belongs to a cluster', async () => {
  const { desk } = aDesk({ joinedTo: () => 'example.org' });
  expect(desk.open(LINK)).toMatchObject({ error: { code: 'already_joined' } });
  expect(desk.preview).toBeUndefined();
});
