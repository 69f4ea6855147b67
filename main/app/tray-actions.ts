import { offeredUrl } from '../../shared/contract/agent-state.ts';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import type { Input } from '../../shared/contract/ipc.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { sayFailure } from '../../shared/words/say.ts';
import type { App } from './app.ts';
import { languageOf } from './language.ts';
import type { TrayAction } from './tray-menu.ts';
import { TRAY_WORDS } from './tray-words.ts';

/** What a choice in the tray's menu needs of the shell around the app. */
export interface TrayShell {
  /** Shows the window, at `place` where one is given. */
  show(place?: readonly string[]): void;
  quit(): void;
}

type TrayApp = Pick<App, 'dispatch' | 'say' | 'state'>;

/** A menu that has closed can show no refusal. */
const refused = (app: TrayApp, failure: Failure): void =>
  app.say({ kind: 'window', title: 'Porthole', body: sayFailure(failure, languageOf(app.state().preferences)) });

/** Publishes, puts the URL on the clipboard, and says so: the menu has closed, and nothing else would. */
async function publish(app: TrayApp, input: Input<'services:publish'>): Promise<void> {
  const reply = await app.dispatch('services:publish', input);
  if (!reply.ok) return refused(app, reply.error);
  // The channel's own output; `dispatch` takes any channel, so its type knows none.
  const { id, name, urls } = reply.value as ServiceView;
  const { trust, preferences } = app.state();
  const say = TRAY_WORDS[languageOf(preferences)];
  const url = offeredUrl(urls, trust);
  const copied = await app.dispatch('clipboard:write', { text: url });
  app.say({ kind: 'window', serviceId: id, title: say.published(name), body: say.publishedBody(url, copied.ok) });
}

/** Does what was chosen, and tells a refusal. */
export async function performTrayAction(app: TrayApp, shell: TrayShell, action: TrayAction): Promise<void> {
  const call = async (channel: string, input: unknown): Promise<void> => {
    const reply = await app.dispatch(channel, input);
    if (!reply.ok) refused(app, reply.error);
  };
  switch (action.do) {
    case 'open-window':
      return shell.show(action.place);
    case 'copy':
      return call('clipboard:write', { text: action.text });
    case 'open-url':
      return call('link:open', { url: action.url });
    case 'set-enabled':
      return call('services:setEnabled', { id: action.id, enabled: action.enabled });
    case 'publish':
      return publish(app, action.input);
    case 'allow':
      return call('services:allow', { id: action.id, allowed: true });
    case 'pause':
      return call('agent:pause', { paused: action.paused });
    case 'quit':
      return shell.quit();
  }
}
