import { mkdirSync, readFileSync } from 'node:fs';
import type { TrustStep } from '../../../shared/contract/ipc.ts';
import { type Because, because, sayReason } from '../../../shared/domain/reason.ts';
import { systemReason } from '../../../shared/node/system-reason.ts';
import { type Authority, type TrustStore, trustStores } from './stores.ts';
import type { Command, CommandOutcome, TrustSystem } from './system.ts';

/** One store's step, and whether browsers look there. */
export interface StoreOutcome {
  readonly step: TrustStep;
  readonly browsers: boolean;
}

/** Puts the authority into every store of this machine, one after the other, and tells what came of each. */
export async function installAuthority(authority: Authority, system: TrustSystem): Promise<readonly StoreOutcome[]> {
  const outcomes: StoreOutcome[] = [];
  for (const store of trustStores(authority, system)) {
    const { outcome, note } = await install(store, authority, system);
    const said = { store: store.title, note };
    const step = { store: sayReason(store.title), outcome, note: sayReason(note), said };
    outcomes.push({ step, browsers: store.browsers });
  }
  return outcomes;
}

/**
 * Whether browsers on this machine would take the authority: it is in a store that they look in, or, where there is
 * none, in the system's.
 */
export async function isPresent(authority: Authority, system: TrustSystem): Promise<boolean> {
  const stores = trustStores(authority, system);
  const browsers = stores.filter((s) => s.browsers);
  for (const store of browsers.length > 0 ? browsers : stores) if (await has(store, authority, system)) return true;
  return false;
}

async function has({ check, create }: TrustStore, authority: Authority, system: TrustSystem): Promise<boolean> {
  if ('file' in check) {
    try {
      return readFileSync(check.file, 'utf8').trim() === authority.pem.trim();
    } catch {
      return false;
    }
  }
  // A database that isn't there would be created by being asked.
  if (create !== undefined) return false;
  return (await system.run(check.command)).code === 0;
}

interface Outcome extends Pick<TrustStep, 'outcome'> {
  readonly note: Because;
}

async function install(store: TrustStore, authority: Authority, system: TrustSystem): Promise<Outcome> {
  if (await has(store, authority, system)) return { outcome: 'already', note: because('trust_there') };
  const privilege = store.administrator === true ? await asAdministrator(system) : [];
  if (privilege === undefined)
    return { outcome: 'skipped', note: because('trust_administrator', { command: shown(store.install) }) };
  try {
    for (const folder of store.folders ?? []) mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    return { outcome: 'failed', note: because('trust_folder', { reason: systemReason(error) }) };
  }
  if (store.create !== undefined) {
    const created = await system.run(store.create);
    if (created.code !== 0) return fault(store, created);
  }
  const [first, ...rest] = [...privilege, ...store.install];
  const done = await system.run([first ?? store.install[0], ...rest]);
  if (done.code !== 0) return fault(store, done);
  // Some tools say that all went well and keep nothing.
  const { create: _, ...made } = store;
  if (!(await has(made, authority, system))) return { outcome: 'failed', note: because('trust_gone') };
  return { outcome: 'installed', note: because('trust_installed') };
}

function fault({ tool, install }: TrustStore, { missing, stderr, stdout }: CommandOutcome): Outcome {
  if (missing) return { outcome: 'skipped', note: because('trust_tool', { tool }) };
  const [line = ''] = (stderr.trim() || stdout.trim()).split('\n');
  const [said, command] = [line.slice(0, 200), shown(install)];
  const note = said === '' ? because('trust_tool_silent', { command }) : because('trust_tool_said', { said, command });
  return { outcome: 'failed', note };
}

/** What goes before a command that needs the administrator; `undefined` when there is no way without a person. */
async function asAdministrator(system: TrustSystem): Promise<readonly string[] | undefined> {
  if (system.privileged) return [];
  if ((await system.run(['sudo', '-n', 'true'])).code === 0) return ['sudo', '-n'];
  if (system.graphical && !(await system.run(['pkexec', '--version'])).missing) return ['pkexec'];
  return undefined;
}

/** The command as it would be typed into a POSIX shell. */
export const shown = (command: Command): string =>
  command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
