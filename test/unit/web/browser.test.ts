import { describe, expect, it } from 'vitest';
import { browserCommand, openBrowser } from '../../../main/web/browser.ts';

const LINK = 'http://p-1.localhost:1/login?token=a&b=c';

describe('the browser', () => {
  it('is opened by what each system has for it, without a shell in between', () => {
    expect(browserCommand(LINK, { platform: 'darwin', env: {} })).toEqual(['open', LINK]);
    expect(browserCommand(LINK, { platform: 'win32', env: {} })).toEqual([
      'rundll32',
      'url.dll,FileProtocolHandler',
      LINK,
    ]);
    expect(browserCommand(LINK, { platform: 'linux', env: { DISPLAY: ':0' } })).toEqual(['xdg-open', LINK]);
    expect(browserCommand(LINK, { platform: 'linux', env: { WAYLAND_DISPLAY: 'w' } })).toEqual(['xdg-open', LINK]);
  });

  it('is left alone where nobody would see it', async () => {
    expect(browserCommand(LINK, { platform: 'linux', env: {} })).toBeUndefined();
    expect(await openBrowser(LINK, { platform: 'linux', env: {} })).toBe(false);
  });

  it('is given nothing but web addresses', async () => {
    const desktop = { platform: 'linux', env: { DISPLAY: ':0' } } as const;
    for (const url of ['file:///etc/passwd', 'javascript:alert(1)', '--help', ''])
      expect(await openBrowser(url, desktop)).toBe(false);
  });
});
