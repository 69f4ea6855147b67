import { beforeEach, describe, expect, it } from 'vitest';
import { isQuiet, Notifier, OFFLINE_AFTER } from '../../../main/app/notifier.ts';
import { type AgentState, DEFAULT_PREFERENCES, type Preferences } from '../../../shared/contract/agent-state.ts';
import type { Notice } from '../../../shared/contract/ipc.ts';
import type { AccessRecord } from '../../../shared/domain/access-record.ts';
import { because } from '../../../shared/domain/reason.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { aService, aState } from '../renderer/state.ts';

let clock: ManualClock;
let preferences: Preferences;
let heard: { readonly notice: Notice; readonly loud: boolean }[];
let notifier: Notifier;

beforeEach(() => {
  clock = new ManualClock(new Date(2026, 10, 21, 12, 0).getTime());
  preferences = { ...DEFAULT_PREFERENCES, language: 'en' };
  heard = [];
  notifier = new Notifier({
    clock,
    preferences: () => preferences,
    deliver: (notice, loud) => heard.push({ notice, loud }),
  });
});
const titles = () => heard.map(({ notice }) => notice.title);
const link = (state: AgentState['edge']['link']['state']) =>
  notifier.onState(aState({ services: [aService('shop')] }, { state }));

describe('a laptop that loses its link', () => {
  it('says so after half a minute, once, and that it is back', () => {
    link('up');
    link('down');
    clock.advance(OFFLINE_AFTER - 1);
    link('connecting');
    expect(heard).toEqual([]);
    clock.advance(1);
    expect(titles()).toEqual(['This laptop is offline']);
    link('down');
    clock.advance(10 * OFFLINE_AFTER);
    link('up');
    expect(titles()).toEqual(['This laptop is offline', 'Back online']);
  });

  it('says nothing of what mends itself, of a pause, and before the first link', () => {
    link('down');
    clock.advance(10 * OFFLINE_AFTER);
    for (let i = 0; i < 5; i++) {
      link('up');
      link('down');
      clock.advance(OFFLINE_AFTER / 2);
    }
    link('up');
    link('paused');
    clock.advance(10 * OFFLINE_AFTER);
    expect(heard).toEqual([]);
  });
});

it('tells of a certificate that failed once, until it is well again', () => {
  const at = (status: 'certificate_failed' | 'active') =>
    notifier.onState(aState({ services: [aService('shop', { status, statusReason: 'The authority said no.' })] }));
  at('certificate_failed');
  at('certificate_failed');
  expect(heard).toHaveLength(1);
  expect(heard[0]?.notice).toMatchObject({ kind: 'certificate', serviceId: 'shop', body: 'The authority said no.' });
  at('active');
  at('certificate_failed');
  expect(heard).toHaveLength(2);
});

it('tells why a certificate failed in the language that is chosen', () => {
  preferences = { ...DEFAULT_PREFERENCES, language: 'de' };
  const failed = { status: 'certificate_failed', statusReason: 'It has expired.' } as const;
  notifier.onState(aState({ services: [aService('shop', { ...failed, statusWhy: because('authority_late') })] }));
  expect(heard[0]?.notice).toMatchObject({
    title: 'shop: Zertifikat fehlgeschlagen',
    body: 'Die eigene Zertifizierungsstelle dieses Edge ist abgelaufen.',
  });
});

it('tells of the first visitor of a service, not of its owner and not of who was turned away', () => {
  const state = aState({ services: [aService('shop')] });
  const visit = (more: Partial<AccessRecord>) =>
    notifier.onLog(
      {
        type: 'records',
        dropped: 0,
        records: [{ ...RECORD, ...more }],
      },
      state,
    );
  visit({ address: '127.0.0.1' });
  visit({ address: '203.0.113.9', failure: 'ip_restricted' });
  visit({ address: '203.0.113.9', serviceId: 'gone' });
  expect(heard).toEqual([]);
  visit({ address: '203.0.113.9', country: 'DE' });
  visit({ address: '203.0.113.10' });
  expect(titles()).toEqual(['shop has its first visitor']);
  expect(heard[0]?.notice.body).toBe('From 203.0.113.9, DE.');
});

it('is silent when the user wants it, and still shows notices in the window', () => {
  preferences = { ...preferences, quiet: { from: '22:00', to: '07:00' } };
  notifier.say({ kind: 'window', title: 'a', body: '' });
  clock.advance(11 * 3_600_000);
  notifier.say({ kind: 'window', title: 'b', body: '' });
  preferences = { ...DEFAULT_PREFERENCES, notifications: false };
  notifier.say({ kind: 'window', title: 'c', body: '' });
  expect(heard.map(({ notice, loud }) => [notice.id, notice.title, loud])).toEqual([
    [1, 'a', true],
    [2, 'b', false],
    [3, 'c', false],
  ]);
});

it.each([
  ['22:00', '07:00', 23, true],
  ['22:00', '07:00', 3, true],
  ['22:00', '07:00', 7, false],
  ['12:00', '13:00', 12, true],
  ['12:00', '13:00', 13, false],
])('from %s to %s it is quiet at %i: %s', (from, to, hour, quiet) => {
  expect(isQuiet({ from, to }, new Date(2026, 0, 1, hour, 0))).toBe(quiet);
});

const RECORD: AccessRecord = {
  id: 'r',
  time: 0,
  kind: 'request',
  serviceId: 'shop',
  nodeId: 'n',
  protocol: 'http/1.1',
  secure: true,
  method: 'GET',
  host: 'shop.localhost',
  path: '/',
  status: 200,
  duration: 1,
  bytesUp: 0,
  bytesDown: 0,
  address: '203.0.113.9',
};
