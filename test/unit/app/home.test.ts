import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openHome, resolveHome } from '../../../main/app/home.ts';
import { lockHome, lockHomeSoon } from '../../../main/app/home-lock.ts';
import { socketPath } from '../../../main/app/socket-path.ts';
import { systemClock } from '../../../shared/node/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

describe('the data folder', () => {
  it.each([
    ['linux', {}, '/home/u/.local/share/porthole'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/porthole'],
    ['linux', { XDG_DATA_HOME: 'relative' }, '/home/u/.local/share/porthole'],
    ['linux', { PORTHOLE_HOME: '/srv/p', XDG_DATA_HOME: '/data' }, '/srv/p'],
    ['linux', { PORTHOLE_HOME: '' }, '/home/u/.local/share/porthole'],
    ['darwin', {}, '/home/u/Library/Application Support/Porthole'],
  ] as const)('on %s with %j is %s', (platform, env, expected) => {
    expect(resolveHome({ platform, env, homedir: '/home/u' })).toBe(expected);
  });

  it('is made for its owner alone, and closed to others when it was open', () => {
    using folder = temporaryFolder();
    const made = path.join(folder.path, 'a', 'b');
    expect(openHome(made)).toEqual({ ok: true, value: made });
    expect(statSync(made).mode & 0o777).toBe(0o700);
    chmodSync(made, 0o755);
    openHome(made);
    expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('that is a file, or lies in one, is refused', () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, 'file');
    writeFileSync(file, '');
    for (const place of [file, path.join(file, 'inner')])
      expect(openHome(place)).toMatchObject({ ok: false, error: { code: 'home_unwritable' } });
  });

  it('takes one Porthole at a time and names the other', () => {
    using folder = temporaryFolder();
    const first = lockHome(folder.path);
    const second = lockHome(folder.path);
    expect(second).toMatchObject({ ok: false, error: { code: 'home_in_use' } });
    if (!second.ok) expect(second.error.message).toContain(`process ${process.pid}`);
    if (first.ok) first.value.release();
    const third = lockHome(folder.path);
    expect(third.ok).toBe(true);
    if (third.ok) third.value.release();
    expect(existsSync(path.join(folder.path, 'porthole.pid'))).toBe(false);
  });

  it('is waited for while a short command holds it, and not for ever', async () => {
    using folder = temporaryFolder();
    const first = lockHome(folder.path);
    const late = await lockHomeSoon(folder.path, 0, systemClock);
    expect(late).toMatchObject({ ok: false, error: { code: 'home_in_use' } });
    const waiting = lockHomeSoon(folder.path, 5_000, systemClock);
    if (first.ok) first.value.release();
    const second = await waiting;
    expect(second.ok).toBe(true);
    if (second.ok) second.value.release();
  });

  it('with a path too long for a socket has its socket elsewhere', () => {
    const long = `/home/${'u'.repeat(120)}`;
    expect(socketPath('/home/u', 'linux')).toBe('/home/u/agent.sock');
    expect(socketPath(long, 'linux').length).toBeLessThan(104);
    expect(socketPath(long, 'linux')).not.toBe(socketPath(`${long}x`, 'linux'));
    expect(socketPath('C:\\Porthole', 'win32')).toMatch(/^\\\\\.\\pipe\\porthole-[0-9a-f]{16}$/);
  });
});
