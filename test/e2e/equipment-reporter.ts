import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { FullResult, Reporter, TestCase, TestError, TestResult } from '@playwright/test/reporter';

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
    if (words.some((text) => text?.includes(EQUIPMENT))) return;
    this.#failed.push([test.titlePath().filter(Boolean).join(' › '), ...errors.map(why)].join('\n    '));
  }

  async onEnd(): Promise<{ status: FullResult['status'] } | undefined> {
    if (this.#failed.length === 0) return undefined;
    console.log(`\nFailed, and not for the stand-in's Chromium:\n  ${this.#failed.join('\n  ')}`);
    return { status: 'failed' };
  }
}

/** The first lines of what went wrong, and where, without colours. */
const why = ({ message = '', location }: TestError): string => {
  const lines = stripVTControlCharacters(message).split('\n');
  const at = location === undefined ? [] : [`at ${path.relative('.', location.file)}:${location.line}`];
  return [...lines.filter((line) => line.trim() !== '').slice(0, 24), ...at].join('\n    ');
};
