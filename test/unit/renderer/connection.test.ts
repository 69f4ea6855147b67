import { expect, it } from 'vitest';
import {
  connectionHeading,
  diagnosisText,
  diagnosisVerdict,
  groupHex,
  guestsWaiting,
  linksOf,
  stepWords,
} from '../../../renderer/state/connection-view.ts';
import { connection as de } from '../../../renderer/strings/de/connection.ts';
import { connection as en } from '../../../renderer/strings/en/connection.ts';
import { formatAgo } from '../../../renderer/time/ago.ts';
import type { GuestState } from '../../../shared/contract/agent-state.ts';
import type { Diagnosis } from '../../../shared/contract/diagnosis.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { aService, aState } from './state.ts';

const refused = failure('edge_unreachable', { address: 'edge.test:443', reason: 'the connection was refused' });

it('answers whether the line is good, and to whom', () => {
  const joined = { kind: 'joined', domain: 'edge.test', link: { state: 'up', since: 0 } } as const;
  expect(connectionHeading(aState())).toMatchObject({ mark: 'on', title: 'The edge on this laptop is running' });
  expect(connectionHeading(aState({ edge: joined }))).toMatchObject({
    title: 'The line is good',
    body: 'Visitors reach your services through edge.test.',
  });
  expect(connectionHeading(aState({}, { state: 'paused' })).mark).toBe('off');
  expect(connectionHeading(aState({}, { state: 'connecting' })).mark).toBe('connecting');
  expect(connectionHeading(aState({}, { state: 'down', failure: refused })).title).toBe('The line is broken');
  const stopped = { ...aState().edge, process: 'stopped' } as const;
  expect(connectionHeading(aState({ edge: stopped })).mark).toBe('error');
});

it('counts only what nobody has answered', () => {
  const guest = (id: string, more: Partial<GuestState>): GuestState => ({
    ...aService(id),
    ownerName: 'Linus',
    allowed: false,
    ...more,
  });
  const guests = [guest('a', {}), guest('b', { allowed: true }), guest('c', { refused: true })];
  expect(guestsWaiting(aState({ guests }))).toBe(1);
  expect([guestsWaiting(aState()), guestsWaiting(undefined)]).toEqual([0, 0]);
});

it('shows the links to nodes, and their sum where there are none', () => {
  const node = { state: 'up', since: 0, carriers: 1, bytesUp: 1, bytesDown: 2, address: 'a:443' } as const;
  expect(linksOf(aState({ edge: { ...aState().edge, links: [node] } }))).toEqual([node]);
  expect(linksOf(aState())).toEqual([aState().edge.link]);
});

it('groups a fingerprint for the eye', () => {
  expect(groupHex('3f7a9c0e51')).toBe('3f7a 9c0e 51');
});

const DIAGNOSIS: Diagnosis = {
  startedAt: 0,
  finishedAt: 1,
  broken: 'origin:1',
  steps: [
    { id: 'name', kind: 'name', state: 'ok', finding: 'name_ok', values: { host: 'edge.test', found: '203.0.113.9' } },
    {
      id: 'origin:1',
      kind: 'origin',
      state: 'fail',
      service: 'shop',
      finding: 'origin_refused',
      values: { target: 'localhost:3000' },
    },
  ],
};

it('names the broken link, and says all of it as text', () => {
  expect(diagnosisVerdict(DIAGNOSIS)).toBe('Broken: Server: shop');
  const { finishedAt: _, ...running } = DIAGNOSIS;
  expect(diagnosisVerdict(running)).toBe('');
  expect(diagnosisText(DIAGNOSIS, '0.1.0', 'edge.test').split('\n')).toEqual([
    'Porthole 0.1.0, edge.test, 1970-01-01T00:00:00.000Z',
    'Broken: Server: shop',
    '',
    '[Fine] Name: edge.test is 203.0.113.9.',
    expect.stringMatching(/^\[Broken\] Server: shop: Nothing listens on localhost:3000\./),
    '',
  ]);
});

it('says nothing of a step that is not over', () => {
  expect(stepWords({ id: 'port', kind: 'port', state: 'running' })).toBe('');
});

it('words the refusals and reasons that a step has met', () => {
  const at = 'edge.test:443';
  const step = { id: 'port', kind: 'port', state: 'fail' } as const;
  expect(stepWords({ ...step, finding: 'port_failed', values: { at, reason: because('no_route') } })).toBe(
    'edge.test:443 can’t be reached: there is no route to it. Check this laptop’s network.',
  );
  expect(stepWords({ ...step, finding: 'tunnel_down', values: { reason: failure('edge_restarting') } })).toBe(
    `The tunnel is down. ${failure('edge_restarting').message}`,
  );
});

it('has words for every finding in every language, and fills all of them', () => {
  const proxy = { proxy: 'p', variable: 'v' };
  const values = { host: 'h', found: 'f', at: 'a', ms: 1, reason: 'r', seconds: -90, target: 't', ...proxy };
  for (const found of [en.diagnosis.found, de.diagnosis.found])
    for (const words of Object.values(found)) expect(words(values)).not.toMatch(/undefined|^$/);
  expect(en.diagnosis.found.clock_wrong({ seconds: -90 })).toContain('90 s behind');
  expect(de.diagnosis.found.clock_wrong({ seconds: 90 })).toContain('90 s vor');
});

it('says when something was, as it stands in a sentence', () => {
  const now = Date.UTC(2026, 5, 15, 12);
  expect(formatAgo(now - 1000, now)).toBe('now');
  expect(formatAgo(now - 180_000, now)).toBe('3 min ago');
  expect(formatAgo(now - 3 * 86_400_000, now)).toMatch(/12/);
});
