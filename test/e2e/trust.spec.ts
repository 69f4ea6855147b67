/** Trusting the edge's certificate, on a machine whose tools are pretended: nothing is added to the real one's stores. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test as base, expect, publish } from './fixtures.ts';

/** A store of certificates that takes one once there is a file `ready` beside it. */
const STORE = `#!/bin/sh
here=$(dirname "$0")
case "$*" in
  *' -N '*) : > "\${2#sql:}/cert9.db" ;;
  *' -A '* | *add*) test -e "$here/ready" && : > "$here/kept" ;;
  *) test -e "$here/kept" ;;
esac
`;
const REFUSES = '#!/bin/sh\nexit 1\n';

const test = base.extend({
  home: async ({ home }, use) => {
    const bin = path.join(home, 'bin');
    await mkdir(bin);
    for (const name of ['certutil', 'security']) await writeFile(path.join(bin, name), STORE, { mode: 0o755 });
    for (const name of ['install', 'sudo', 'pkexec']) await writeFile(path.join(bin, name), REFUSES, { mode: 0o755 });
    await use(home);
  },
});

test('adds the certificate when told, says what came of it, and shows https from then on', async ({
  page,
  home,
  origin,
}) => {
  const { row } = await publish(page, origin.port);
  const copy = row.getByRole('button', { name: /^Copy URL/ });
  await expect(copy).toHaveAccessibleName(/^Copy URL http:/);
  const dialog = page.getByRole('dialog');
  const open = page.getByRole('button', { name: 'Use https' });
  await open.click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  await open.click();
  await dialog.getByRole('button', { name: 'Trust it' }).click();
  await expect(dialog.getByText('Not everything worked.')).toBeVisible();
  await writeFile(path.join(home, 'bin', 'ready'), '');
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await expect(dialog.getByText('https opens without a warning here')).toBeVisible();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(open).toHaveCount(0);
  await expect(copy).toHaveAccessibleName(/^Copy URL https:/);
});
