import { describe, expect, it } from 'vitest';
import { performTrayAction } from '../../../main/app/tray-actions.ts';
import type { TrayAction } from '../../../main/app/tray-menu.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/contract/agent-state.ts';
import type { Notice, Reply } from '../../../shared/contract/ipc.ts';
import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { aService, aState } from '../renderer/state.ts';

/** Chooses `action`, and tells what came of it. */
async function choose(
  action: TrayAction,
  replies: Readonly<Record<string, Reply<unknown>>> = {},
  language: 'en' | 'de' = 'en',
) {
  const happened: unknown[] = [];
  const app = {
    async dispatch(channel: string, input: unknown): Promise<Reply<unknown>> {
      happened.push([channel, input]);
      return replies[channel] ?? { ok: true, value: null };
    },
    say: ({ title, body }: Omit<Notice, 'id'>) => void happened.push(['say', title, body]),
    state: () => aState({ trust: 'untrusted', preferences: { ...DEFAULT_PREFERENCES, language } }),
  };
  const shell = {
    show: (place?: readonly string[]) => void happened.push(['show', place]),
    quit: () => void happened.push(['quit']),
  };
  await performTrayAction(app, shell, action);
  return happened;
}

describe('a choice in the tray', () => {
  it.each<[TrayAction, unknown]>([
    [{ do: 'open-window' }, ['show', undefined]],
    [{ do: 'open-window', place: ['settings'] }, ['show', ['settings']]],
    [{ do: 'copy', text: 'x' }, ['clipboard:write', { text: 'x' }]],
    [{ do: 'open-url', url: 'https://a' }, ['link:open', { url: 'https://a' }]],
    [{ do: 'set-enabled', id: 's', enabled: false }, ['services:setEnabled', { id: 's', enabled: false }]],
    [{ do: 'allow', id: 's' }, ['services:allow', { id: 's', allowed: true }]],
    [{ do: 'pause', paused: true }, ['agent:pause', { paused: true }]],
    [{ do: 'quit' }, ['quit']],
  ])('%o does what it says', async (action, done) => {
    expect(await choose(action)).toEqual([done]);
  });

  it('publishes, copies the URL that opens without a warning, and says so', async () => {
    const happened = await choose(
      { do: 'publish', input: { port: 3000 } },
      { 'services:publish': { ok: true, value: aService('vite') } },
    );
    expect(happened).toEqual([
      ['services:publish', { port: 3000 }],
      ['clipboard:write', { text: 'http://vite.localhost:8080/' }],
      ['say', 'vite is public', 'Anyone with the link can open it. Copied: http://vite.localhost:8080/'],
    ]);
  });

  it('tells a refusal, which a closed menu cannot show', async () => {
    const refused: Reply<unknown> = { ok: false, error: { code: 'offline', message: 'There is no connection.' } };
    expect(await choose({ do: 'pause', paused: true }, { 'agent:pause': refused })).toContainEqual([
      'say',
      'Porthole',
      'There is no connection.',
    ]);
  });

  it('tells a refusal in the language that the menu speaks', async () => {
    const refused: Reply<unknown> = { ok: false, error: failure('offline', { reason: because('no_network') }) };
    expect(await choose({ do: 'pause', paused: true }, { 'agent:pause': refused }, 'de')).toContainEqual([
      'say',
      'Porthole',
      'Gerade gibt es keine Verbindung zum Edge (es gibt kein Netz). Deine Dienste sind nicht erreichbar, bis sie wieder da ist.',
    ]);
  });
});
