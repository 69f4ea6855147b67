import { expect, it, vi } from 'vitest';

// The page chooses its language once, when it is loaded.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['de-DE'] }));

import { stepWords } from '../../../renderer/state/connection-view.ts';
import { linkView } from '../../../renderer/state/link-view.ts';
import { standingOf } from '../../../renderer/state/standing.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { aService, aState } from './state.ts';

const offline = failure('offline', { reason: because('link_broke') });

it('says why there is no link', () => {
  const { notice } = linkView(aState({}, { state: 'down', failure: offline }), 'open');
  expect(notice?.body).toMatch(/^Gerade gibt es keine Verbindung zum Edge \(die Verbindung ist abgerissen\)\. /);
});

it('says how a service stands, and in English where that comes from another version', () => {
  const target = because('at_port', { port: 3000 });
  const trouble = { status: 'error', statusReason: 'Nothing listens on port 3000.' } as const;
  const service = aService('app', { ...trouble, statusWhy: because('service_origin_refused', { target }) });
  expect(standingOf(service, aState()).reason).toBe(
    'Auf Port 3000 lauscht nichts. Starte deinen Server, oder ändere den Port.',
  );
  expect(standingOf(aService('app', trouble), aState()).reason).toBe('Nothing listens on port 3000.');
  const taken = failure('address_in_use', { address: '0.0.0.0:5432' });
  expect(standingOf(aService('db', { ...trouble, statusWhy: taken }), aState()).reason).toBe(
    'Die Adresse 0.0.0.0:5432 ist schon belegt. Beende, was dort lauscht, oder wähle eine andere.',
  );
});

it('says what a diagnosis has met', () => {
  const step = { id: 'tunnel', kind: 'tunnel', state: 'fail' } as const;
  expect(stepWords({ ...step, finding: 'tunnel_down', values: { reason: offline } })).toMatch(
    /^Der Tunnel steht nicht\. Gerade gibt es keine Verbindung zum Edge/,
  );
  const values = { at: 'edge.test:443', reason: because('no_network') };
  expect(stepWords({ ...step, finding: 'port_failed', values })).toMatch(
    /^edge\.test:443 ist nicht erreichbar: es gibt kein Netz\./,
  );
});
