import { failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok } from '../../../shared/domain/result.ts';
import type { Context, Handlers } from './context.ts';

/** What the host around the app can do for the user. */
export function hostHandlers(context: Context): Handlers<'state:get' | 'clipboard:write' | 'link:open' | 'app:quit'> {
  return {
    'state:get': async () => ok(context.state()),
    async 'clipboard:write'({ text }) {
      if (await context.host.writeClipboard(text)) return ok(null);
      return err(failure('input_invalid', { reason: because('no_clipboard') }));
    },
    async 'link:open'({ url }) {
      const origin = originOf(url);
      // Browsers open nothing but web pages.
      const own = context
        .state()
        .services.flatMap(({ urls }) => ('https' in urls ? [urls.https, urls.http ?? ''] : []));
      if (origin === undefined || !own.some((url) => originOf(url) === origin))
        return err(failure('forbidden', { reason: because('foreign_url') }, 'url'));
      if (await context.host.openExternal(url)) return ok(null);
      return err(failure('input_invalid', { reason: because('no_browser', { url }) }));
    },
    async 'app:quit'() {
      // The answer leaves first.
      setImmediate(() => context.host.quit());
      return ok(null);
    },
  };
}

function originOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed !== null && ['http:', 'https:'].includes(parsed.protocol) ? parsed.origin : undefined;
}
