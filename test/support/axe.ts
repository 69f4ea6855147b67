import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/**
 * A copy button shows its URL and then "Copy", and is called "Copy URL …": all that is seen is in the name, and what one
 * would say comes first. axe wants the order that is seen.
 */
const isCopyButton = (rule: string, html: string): boolean =>
  rule === 'label-content-name-mismatch' && html.includes('aria-label="Copy URL ');

/**
 * What axe finds wrong with the page as it is now, one line an element: the rule, where, and why. Colours that move are
 * measured wherever they are, so `page` should emulate reduced motion.
 */
export async function barriers(page: Page): Promise<readonly string[]> {
  // The other mode opens a page of its own to put frames together; these pages have none.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  return violations.flatMap(({ id, help, nodes }) =>
    nodes
      .filter(({ html }) => !isCopyButton(id, html))
      .map(({ target, any, all, none }) => {
        const why = [...any, ...all, ...none].map((check) => check.message).join('; ');
        return `${id} (${help}) at ${target.join(' ')}: ${why}`;
      }),
  );
}
