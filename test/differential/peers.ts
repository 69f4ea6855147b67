/** nginx, haproxy and Apache as reverse proxies with the settings that their packages come with. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { listening, type Running, run } from '../bench/process.ts';
import { freePort } from '../support/free-port.ts';

export interface Peer extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
}

const PLACES = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin'];

/** The path of a program that a test can't do without. Throws a sentence for people when it is absent. */
export function program(name: string, debianPackage: string): string {
  const found = PLACES.map((place) => path.join(place, name)).find((file) => existsSync(file));
  if (found === undefined)
    throw new Error(`This test needs ${name}, which is not installed (Debian: apt-get install ${debianPackage}).`);
  return found;
}

async function peer(name: string, port: number, running: Running): Promise<Peer> {
  await listening(port);
  return { name, port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** Starts nginx in front of `origin`. */
export async function startNginx(dir: string, origin: number): Promise<Peer> {
  const [binary, port, folder] = [program('nginx', 'nginx'), await freePort(), path.join(dir, `nginx-${origin}`)];
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream origin { server 127.0.0.1:${origin} max_fails=0; keepalive 32; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_next_upstream off;
    }
  }
}
`,
  );
  return peer('nginx', port, await run(binary, ['-p', folder, '-c', config]));
}

/** Starts haproxy in front of `origin`. */
export async function startHaproxy(dir: string, origin: number): Promise<Peer> {
  const [binary, port] = [program('haproxy', 'haproxy'), await freePort()];
  const config = path.join(dir, `haproxy-${origin}.cfg`);
  writeFileSync(
    config,
    `global
  maxconn 4096
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${port} backlog 1024
  server origin 127.0.0.1:${origin}
`,
  );
  return peer('haproxy', port, await run(binary, ['-f', config, '-db']));
}

const MODULES = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'proxy_wstunnel'];

/** Starts Apache in front of `origin`. It keeps a thread for every origin that says nothing more, so not for long. */
export async function startApache(dir: string, origin: number): Promise<Peer> {
  const [binary, port, folder] = [program('apache2', 'apache2'), await freePort(), path.join(dir, `apache-${origin}`)];
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, 'apache.conf');
  const load = MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  const built = execFileSync(binary, ['-l']).toString();
  writeFileSync(
    config,
    `${load.filter((_, at) => !built.includes(`mod_${MODULES[at]}.c`) && !built.includes(`${MODULES[at]}.c`)).join('\n')}
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ServerName localhost
Listen 127.0.0.1:${port}
ErrorLog /dev/null
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
ServerLimit 4
StartServers 4
ThreadsPerChild 64
MaxRequestWorkers 256
Timeout 5
KeepAlive On
MaxKeepAliveRequests 0
ProxyPass / http://127.0.0.1:${origin}/ retry=0 timeout=5
`,
  );
  return peer('Apache', port, await run(binary, ['-f', config, '-DFOREGROUND']));
}
