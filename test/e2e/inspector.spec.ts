import { expect, publish, test, visit } from './fixtures.ts';

test('reads along from the switch in the menu on, and sends a request again', async ({ page, visitor, origin }) => {
  const { url, row } = await publish(page, origin.port);
  await row.getByRole('button', { name: /^More for/ }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Inspect requests' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Inspector' })).toBeVisible();
  await expect(page.getByRole('switch', { name: /^Inspect requests/ })).toBeChecked();
  await expect(page.getByText('No requests yet.')).toBeVisible();

  await visit(visitor, new URL('/boats?token=s3cret', url).href);
  const lines = page.getByRole('listbox').getByRole('option');
  await lines.filter({ hasText: '/boats?token=••••••' }).click();
  const details = page.getByRole('complementary');
  await expect(details.getByText('user-agent', { exact: false }).first()).toBeVisible();
  await details.getByRole('tab', { name: 'Response body' }).click();
  await expect(details.getByText('Hello from the laptop')).toBeVisible();
  await details.getByRole('button', { name: 'Send again' }).click();
  await expect(lines.filter({ hasText: 'replay' })).toHaveCount(1);
  await details.getByRole('tab', { name: 'Response body' }).click();
  await expect(details.getByText('Hello from the laptop')).toBeVisible();
  await details.getByRole('button', { name: 'Edit and send' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('textbox', { name: 'Path' }).fill('/ships');
  await form.getByRole('button', { name: 'Send' }).click();
  await expect(lines.filter({ hasText: '/ships' })).toHaveCount(1);
  await details.getByRole('button', { name: 'Close' }).click();

  await page.getByRole('link', { name: 'Services' }).click();
  await row.getByRole('link', { name: 'Requests are being inspected' }).click();
  await page.getByRole('button', { name: 'Forget all' }).click();
  await expect(lines.filter({ hasText: '/boats' })).toHaveCount(0);
  await page.getByRole('switch', { name: /^Inspect requests/ }).click();
  await expect(page.getByText('No service is inspected.')).toBeVisible();
});
