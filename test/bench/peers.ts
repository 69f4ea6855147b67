/** What Porthole is measured against: Debian's nginx and haproxy, chained as edge and agent would be, one worker each. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { listening, type Running, run } from './process.ts';

export const SMALL = 100;
export const LARGE = 16 * 1024;

const find = (...candidates: string[]) => candidates.find((file) => existsSync(file));
export const NGINX = find('/usr/sbin/nginx', '/usr/local/sbin/nginx');
export const HAPROXY = find('/usr/sbin/haproxy', '/usr/local/sbin/haproxy');
export const WRK = find('/usr/bin/wrk', '/usr/local/bin/wrk');
export const H2LOAD = find('/usr/bin/h2load', '/usr/local/bin/h2load');

/** A server under test: where the load goes, and whose CPU time counts as the edge's and the agent's. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Where the same is served over TLS. */
  readonly tlsPort?: number;
  readonly host: string;
  readonly edge?: Running;
  readonly agent?: Running;
}

async function nginx(dir: string, name: string, http: string): Promise<Running> {
  const folder = path.join(dir, name);
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; worker_processes 1;
events { worker_connections 8192; }
http {
  access_log ${folder}/access.log combined buffer=64k flush=1s; default_type application/octet-stream;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000; keepalive_timeout 600s; tcp_nodelay on; sendfile off;
${http}
}
`,
  );
  return await run(NGINX ?? 'nginx', ['-p', folder, '-c', config]);
}

/** The origin that every case shares: nginx, with bodies of 100 bytes at `/small` and 16 KiB at `/large`. */
export async function startOrigin(dir: string): Promise<Server> {
  const port = await freePort();
  const running = await nginx(
    dir,
    'origin',
    `  access_log off;
  server { listen 127.0.0.1:${port} backlog=4096; root ${dir}/www; open_file_cache max=10;
    location = /small { return 200 "${'x'.repeat(SMALL)}"; } }`,
  );
  mkdirSync(path.join(dir, 'www'), { recursive: true });
  writeFileSync(path.join(dir, 'www', 'large'), Buffer.alloc(LARGE, 'x'));
  await listening(port);
  return { name: 'direct', port, host: '127.0.0.1', [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

const upstream = (port: number) => `  upstream next { server 127.0.0.1:${port}; keepalive 512; }`;
const proxied = (listen: string) => `  server { ${listen}
    location / { proxy_pass http://next; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; } }`;

async function pair(
  name: string,
  start: (role: string, listen: number, to: number) => Promise<Running>,
  origin: number,
): Promise<Server> {
  const [front, back] = [await freePort(), await freePort()];
  const agent = await start('agent', back, origin);
  const edge = await start('edge', front, back);
  await listening(front);
  return {
    name,
    port: front,
    host: '127.0.0.1',
    edge,
    agent,
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
    },
  };
}

/** Two nginx in a row, the front one with TLS on a second port. */
export async function startNginxPair(dir: string, origin: number): Promise<Server> {
  const tlsPort = await freePort();
  const pem = await selfSigned(dir);
  const tls = `listen 127.0.0.1:${tlsPort} ssl backlog=4096; ssl_certificate ${pem.cert}; ssl_certificate_key ${pem.key};`;
  const start = (role: string, listen: number, to: number) => {
    const plain = `listen 127.0.0.1:${listen} backlog=4096;`;
    return nginx(dir, `nginx-${role}`, `${upstream(to)}\n${proxied(role === 'edge' ? `${plain} ${tls}` : plain)}`);
  };
  return { ...(await pair('nginx2', start, origin)), tlsPort };
}

/** A P-256 certificate, of the kind that the edge issues. */
async function selfSigned(dir: string): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = [path.join(dir, 'bench.crt'), path.join(dir, 'bench.key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', '/CN=bench.localhost', '-days', '2'];
  await promisify(execFile)('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert]);
  return { cert, key };
}

/** Two haproxy in a row that pass TCP on; `undefined` where haproxy isn't installed. */
export async function startHaproxyTcpPair(dir: string, name: string, origin: number): Promise<Server | undefined> {
  if (HAPROXY === undefined) return undefined;
  const start = (role: string, listen: number, to: number) => {
    const config = path.join(dir, `haproxy-${name}-${role}.cfg`);
    writeFileSync(
      config,
      `global
  maxconn 8192
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen l
  bind 127.0.0.1:${listen} backlog 4096
  server s 127.0.0.1:${to}
`,
    );
    return run(HAPROXY ?? 'haproxy', ['-f', config, '-db']);
  };
  return await pair('haproxy2', start, origin);
}

/** Two haproxy in a row. */
export const startHaproxyPair = (dir: string, origin: number): Promise<Server> =>
  pair(
    'haproxy2',
    (role, listen, to) => {
      const config = path.join(dir, `haproxy-${role}.cfg`);
      writeFileSync(
        config,
        `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  option http-keep-alive
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${listen} backlog 4096
  default_backend b
backend b
  server s 127.0.0.1:${to} maxconn 4096
`,
      );
      return run(HAPROXY ?? 'haproxy', ['-f', config, '-db']);
    },
    origin,
  );
