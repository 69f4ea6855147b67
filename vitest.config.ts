import { defineConfig } from 'vitest/config';

/** What is polled for ends the wait: a machine that stands still for seconds fails no test. */
const PATIENT = { poll: { timeout: 15_000 } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/compliance/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 20_000,
          hookTimeout: 20_000,
          expect: PATIENT,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Most of their time passes in waiting; more at a time than there are cores would only stand in each other's way.
          maxWorkers: 2,
          expect: PATIENT,
        },
      },
      {
        // Against software that not every machine has; not part of `npm test`.
        test: {
          name: 'optional',
          include: ['test/optional/**/*.test.ts'],
          testTimeout: 60_000,
          expect: PATIENT,
        },
      },
    ],
  },
});
