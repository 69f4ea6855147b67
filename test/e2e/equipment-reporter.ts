import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter';

/** What the stand-in says when the Chromium that it drives came to nothing, or left by itself. */
const EQUIPMENT = 'stand-in: Chromium';

/**
 * A test that failed runs once more, which counts only where the equipment failed: a Chromium of the stand-in that died
 * says nothing of Porthole. Whatever else failed once has failed.
 */
export default class EquipmentReporter implements Reporter {
  readonly #failed: string[] = [];

  onTestEnd(test: TestCase, { status, retry, errors, attachments }: TestResult): void {
    if (status === 'passed' || status === 'skipped' || retry > 0) return;
    const words = [...errors.map(({ message }) => message), ...attachments.map(({ body }) => body?.toString())];
    if (!words.some((text) => text?.includes(EQUIPMENT))) this.#failed.push(test.titlePath().join(' › '));
  }

  async onEnd(): Promise<{ status: FullResult['status'] } | undefined> {
    if (this.#failed.length === 0) return undefined;
    console.log(`\nFailed, and not for the stand-in's Chromium:\n  ${this.#failed.join('\n  ')}`);
    return { status: 'failed' };
  }
}
