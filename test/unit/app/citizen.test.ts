import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAutostart } from '../../../main/app/autostart.ts';
import { diagnosticsOf } from '../../../main/app/diagnostics.ts';
import { openLogFile } from '../../../main/app/log-file.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { aService, aState } from '../renderer/state.ts';

describe('the log file', () => {
  it('stays within its bounds, keeps the newest, and is its owner’s alone', () => {
    using home = temporaryFolder();
    const log = openLogFile(home.path);
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 12_000; i++) log.write(line);
    log.write('the last one\n');
    const folder = join(home.path, 'logs');
    const files = readdirSync(folder);
    expect(files.sort()).toEqual([
      'porthole.1.log',
      'porthole.2.log',
      'porthole.3.log',
      'porthole.4.log',
      'porthole.log',
    ]);
    for (const file of files) expect(statSync(join(folder, file)).size).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(statSync(join(folder, 'porthole.log')).mode & 0o777).toBe(0o600);
    expect(log.tail().endsWith('the last one\n')).toBe(true);
    expect(log.tail().length).toBeLessThanOrEqual(64 * 1024);
  });

  it('goes on with what there was, and never stops anybody', () => {
    using home = temporaryFolder();
    openLogFile(home.path).write('one\n');
    openLogFile(home.path).write('two\n');
    expect(openLogFile(home.path).tail()).toBe('one\ntwo\n');
    const blocked = join(home.path, 'blocked');
    writeFileSync(blocked, '');
    const log = openLogFile(blocked);
    log.write('lost\n');
    expect(log.tail()).toBe('');
  });
});

describe('starting at login', () => {
  it('is an entry in the user’s autostart folder, with its arguments as the specification quotes them', () => {
    using home = temporaryFolder();
    const item = createAutostart(['/opt/Port hole/$porthole', '--hidden', '100%'], {}, home.path);
    const file = join(home.path, '.config/autostart/porthole.desktop');
    expect(item.set(true)).toEqual({ ok: true, value: null });
    expect(readFileSync(file, 'utf8')).toContain('Exec="/opt/Port hole/\\\\$porthole" "--hidden" "100%%"\n');
    expect(item.set(false)).toEqual({ ok: true, value: null });
    expect(existsSync(file)).toBe(false);
    expect(item.set(false).ok).toBe(true);
  });

  it('says why it cannot be', () => {
    using home = temporaryFolder();
    mkdirSync(join(home.path, 'config'));
    writeFileSync(join(home.path, 'config/autostart'), '');
    const item = createAutostart(['porthole'], { XDG_CONFIG_HOME: join(home.path, 'config') }, home.path);
    expect(item.set(true)).toMatchObject({ ok: false, error: { code: 'home_unwritable' } });
  });
});

it('diagnostics hold what helps, and no secrets', () => {
  const state = aState({ services: [aService('shop', { name: 'The shop' })] });
  const text = diagnosticsOf(state, '{"msg":"joined with phj_abcdefghijklmnop"}\n{"msg":"fine"}\n');
  expect(text).toContain('"status": "active"');
  expect(text).toContain('{"msg":"fine"}');
  expect(text).not.toContain('phj_abcdefghijklmnop');
  expect(text).not.toContain('The shop');
});
