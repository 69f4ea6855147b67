import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';
import { type CrowdsecApi, crowdsecSuite } from '../compliance/crowdsec.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';

const run = promisify(execFile);

crowdsecSuite('CrowdSec itself (Debian’s crowdsec, its local API alone)', startCrowdsec);

async function startCrowdsec(): Promise<CrowdsecApi> {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await mkdir(at('data'));
  await mkdir(at('hub'));
  await writeFile(at('hub/.index.json'), '{}');
  await writeFile(at('simulation.yaml'), 'simulation: off\n');
  await writeFile(at('profiles.yaml'), PROFILES);
  await writeFile(at('config.yaml'), configuration(folder.path, port));
  const cscli = (...args: string[]) => run('cscli', ['-c', at('config.yaml'), ...args]);
  await cscli('machines', 'add', 'tests', '--password', 'of-no-importance', '-f', at('local.yaml'), '-u', url);
  const key = 'the-key-of-the-tests';
  await cscli('bouncers', 'add', 'porthole', '-k', key);
  const api = spawn('crowdsec', ['-c', at('config.yaml'), '-no-cs'], { stdio: 'ignore' });
  const ended = once(api, 'exit');
  await vi.waitFor(async () => expect((await fetch(`${url}/v1/decisions/stream`)).status).toBe(403), 20_000);
  return {
    url,
    key,
    async ban(value, type) {
      const scope = value.includes('/') ? '--range' : '--ip';
      await cscli('decisions', 'add', scope, value, '--duration', '4h', '--type', type);
    },
    async takeBack(value) {
      await cscli('decisions', 'delete', '--ip', value);
    },
    async stop() {
      api.kill('SIGTERM');
      await ended;
      folder[Symbol.dispose]();
    },
  };
}

const PROFILES = 'name: all\nfilters:\n - "true"\ndecisions:\n - type: ban\n   duration: 4h\non_success: break\n';

const configuration = (folder: string, port: number): string => `
common: {daemonize: false, log_media: stdout, log_level: warning, working_dir: ${folder}}
config_paths:
  config_dir: ${folder}
  data_dir: ${folder}/data
  simulation_path: ${folder}/simulation.yaml
  hub_dir: ${folder}/hub
  index_path: ${folder}/hub/.index.json
  notification_dir: ${folder}/notifications
  plugin_dir: ${folder}/plugins
cscli: {output: json}
db_config: {type: sqlite, db_path: ${folder}/data/crowdsec.db, flush: {max_items: 5000, max_age: 7d}}
api:
  client: {insecure_skip_verify: false, credentials_path: ${folder}/local.yaml}
  server: {log_level: warning, listen_uri: "127.0.0.1:${port}", profiles_path: ${folder}/profiles.yaml}
prometheus: {enabled: false}
`;
