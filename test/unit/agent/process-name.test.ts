import { describe, expect, it } from 'vitest';
import { isEdge, nameProcess } from '../../../main/agent/process-name.ts';

describe('the name of a process', () => {
  it.each<[string, string | undefined, string[]]>([
    ['vite', 'node', ['node', '/home/u/shop/node_modules/.bin/vite', '--port', '5173']],
    ['vite', 'node', ['/usr/bin/node', '/home/u/shop/node_modules/vite/bin/vite.js']],
    ['cli', 'node', ['node', '/home/u/node_modules/@angular/cli/bin/ng.js', 'serve']],
    ['shop', 'node', ['node', '--inspect', '-r', 'dotenv/config', '/home/u/shop/src/index.js']],
    ['api', 'node', ['node', 'api.ts']],
    ['node', 'node', ['node', 'server.js']],
    ['node', 'node', ['node', '-e', 'http.createServer().listen(1)']],
    ['node', 'node', ['node']],
    ['next-server', 'next-server (v1', ['next-server (v15.1.0)']],
    ['bun', 'bun', ['bun', 'run', '--hot', 'server.ts']],
    ['http.server', 'python3', ['python3', '-m', 'http.server', '8000']],
    ['uvicorn', 'python3.12', ['/usr/bin/python3.12', '/usr/local/bin/uvicorn', 'app:app']],
    ['manage', 'python', ['python', 'manage.py', 'runserver']],
    ['python3', 'python3', ['python3', '-c', 'import socket']],
    ['rails', 'ruby', ['ruby', 'bin/rails', 'server']],
    ['petclinic-1.0', 'java', ['java', '-Xmx1g', '-jar', '/opt/petclinic-1.0.jar']],
    ['java', 'java', ['java', '-cp', 'x', 'com.example.Main']],
    ['nginx', 'nginx', ['nginx: master process nginx -g daemon off;']],
    ['postgres', 'postgres', ['/usr/lib/postgresql/16/bin/postgres', '-D', '/var/lib']],
    ['systemd-resolve', 'systemd-resolve', []],
    ['node', 'node.exe', []],
    ['Code Helper (Plugin)', 'Code Helper (Plugin)', []],
    ['a b', 'a\u001b\u0007 b', []],
  ])('is %s for %j %j', (name, command, args) => {
    expect(nameProcess(command, args)).toBe(name);
  });

  it.each([
    [true, ['node', '/opt/porthole/out/main/edge.js', '--domain', 'localhost', '--data-dir', '/d']],
    [true, ['C:\\node.exe', 'C:\\porthole\\edge\\main.ts', '--data-dir', 'D', '--domain', 'd']],
    [false, ['node', 'edge/main.ts', '--port', '3000']],
    [false, ['node', 'knowledge/main.ts', '--domain', 'd', '--data-dir', '/d']],
    [false, []],
  ])('is that of an edge: %s for %j', (edge, args) => {
    expect(isEdge(args)).toBe(edge);
  });

  it('is unknown when the system says nothing', () => {
    expect(nameProcess(undefined)).toBeUndefined();
    expect(nameProcess('  ')).toBeUndefined();
  });

  it('is bounded', () => {
    expect(nameProcess('x'.repeat(1000))).toHaveLength(64);
  });
});
