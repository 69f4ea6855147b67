import { defineConfig } from '@playwright/test';
import type { HostOption } from './test/e2e/fixtures.ts';
import { CHROMIUM_ARGS, CHROMIUM_MISSING, findChromium } from './test/support/chromium.ts';

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);

// One spec set, two shells: the browser's, and the desktop app in Electron or in the stand-in for it.
export default defineConfig<object, HostOption>({
  testDir: 'test/e2e',
  outputDir: 'test-results',
  reporter: [['list'], ['./test/e2e/equipment-reporter.ts']],
  retries: 1,
  workers: 2,
  forbidOnly: true,
  // What is waited for ends the wait: these are for a machine that has much else to do.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: { locale: 'en-GB', launchOptions: { executablePath, args: [...CHROMIUM_ARGS] } },
  projects: [
    { name: 'web', testIgnore: '**/desktop.spec.ts', use: { host: 'web' } },
    {
      name: 'desktop',
      testIgnore: ['**/web.spec.ts', '**/start.spec.ts', '**/screens.spec.ts'],
      use: { host: 'desktop' },
    },
  ],
});
