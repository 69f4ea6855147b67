/** The vault over a real Secret Service: `keytar`, libsecret, D-Bus and gnome-keyring, with a bus of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, it, vi } from 'vitest';
import { createKeychainVault, type Keychain, probeKeychain } from '../../main/app/vault/keychain-vault.ts';
import { vaultSuite } from '../compliance/vault.ts';
import { temporaryFolder } from '../support/folder.ts';

const life = new AsyncDisposableStack();
const keychain = await startKeyring();
afterAll(() => life.disposeAsync());

vaultSuite([
  { name: 'keychain (gnome-keyring)', keeps: true, create: (folder) => () => createKeychainVault(keychain, folder) },
]);

it('tells two homes of one user apart', async () => {
  const [one, other] = ['/home/one', '/home/other'].map((home) => createKeychainVault(keychain, home));
  expect(await one?.set('agent', 'the one')).toEqual({ ok: true, value: null });
  expect(await other?.get('agent')).toEqual({ ok: true, value: undefined });
});

/** `keytar` on an unlocked, empty keyring. */
async function startKeyring(): Promise<Keychain> {
  const folder = life.use(temporaryFolder());
  const runtime = path.join(folder.path, 'runtime');
  mkdirSync(runtime, { mode: 0o700 });
  const env = { ...process.env, HOME: folder.path, XDG_RUNTIME_DIR: runtime, XDG_DATA_HOME: folder.path };
  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env,
  });
  life.defer(() => ended(bus));
  const [address] = (await once(createInterface({ input: bus.stdout }), 'line')) as [string];
  const args = ['--foreground', '--unlock', '--components=secrets', `--control-directory=${runtime}`];
  const ring = spawn('gnome-keyring-daemon', args, {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...env, DBUS_SESSION_BUS_ADDRESS: address },
  });
  life.defer(() => ended(ring));
  ring.stdin.end('a password');
  process.env.DBUS_SESSION_BUS_ADDRESS = address;
  const { default: keytar } = await import('keytar');
  await vi.waitFor(async () => expect(await probeKeychain(keytar)).toBe(true), 20_000);
  return keytar;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}
