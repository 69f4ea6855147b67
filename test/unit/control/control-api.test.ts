import { randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterInfoSchema, joinReplySchema, serviceViewSchema } from '../../../shared/contract/control-api.ts';
import { createToken } from '../../../shared/domain/token.ts';
import { Bench } from './bench.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.start();
});
afterEach(() => bench.stop());

const codeOf = (reply: { json: Record<string, unknown> }): string => {
  const { error } = reply.json;
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no error';
};
const fieldOf = (reply: { json: Record<string, unknown> }): unknown => {
  const { error } = reply.json;
  return typeof error === 'object' && error !== null && 'field' in error ? error.field : undefined;
};

describe('joining', () => {
  it('trades a token for a credential that opens the API', async () => {
    const reply = await bench.call('POST', '/join', { body: { token: await bench.token(), name: ' my laptop ' } });
    expect(reply.status).toBe(200);
    const joined = joinReplySchema.parse(reply.json);
    expect(joined.cluster).toEqual(bench.cluster);
    const info = await bench.call('GET', '/cluster', { as: joined.credential });
    expect(clusterInfoSchema.parse(info.json)).toEqual(bench.cluster);
  });

  it('lets exactly one of two simultaneous joins with one token win', async () => {
    const token = await bench.token();
    const body = { token, name: 'x' };
    const replies = await Promise.all([bench.call('POST', '/join', { body }), bench.call('POST', '/join', { body })]);
    expect(replies.map((r) => r.status).sort()).toEqual([200, 401]);
    expect(replies.map(codeOf)).toContain('token_used');
  });

  it('says what is wrong with a token', async () => {
    const short = await bench.token(1000);
    const good = createToken('join', randomBytes);
    const tries = [
      ['hello', 'token_invalid', 400],
      [`${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`, 'token_invalid', 400],
      [good, 'token_unknown', 401],
      [createToken('agent', randomBytes), 'token_invalid', 400],
    ] as const;
    for (const [token, code, status] of tries) {
      const reply = await bench.call('POST', '/join', { body: { token, name: 'x' } });
      expect([codeOf(reply), reply.status]).toEqual([code, status]);
    }
    bench.clock.offset = 1000;
    expect(codeOf(await bench.call('POST', '/join', { body: { token: short, name: 'x' } }))).toBe('token_expired');
  });

  it('holds off an address that keeps guessing, but nobody with a good credential', async () => {
    const { credential } = await bench.join();
    const guess = (): Promise<{ json: Record<string, unknown>; status: number }> =>
      bench.call('POST', '/join', { body: { token: createToken('join', randomBytes), name: 'x' } });
    for (let i = 0; i < 10; i++) expect(codeOf(await guess())).toBe('token_unknown');
    const held = await guess();
    expect([codeOf(held), held.status]).toEqual(['too_many_tries', 429]);
    expect((await bench.call('GET', '/services', { as: credential })).status).toBe(200);
    bench.clock.offset = 60_000;
    expect(codeOf(await guess())).toBe('token_unknown');
  });
});

describe('authentication', () => {
  const CALLS = [
    ['GET', '/cluster'],
    ['DELETE', '/agents/self'],
    ['GET', '/services'],
    ['POST', '/services'],
    ['PATCH', '/services/x'],
    ['DELETE', '/services/x'],
    ['POST', '/services/x/renew'],
    ['PUT', '/targets'],
    ['GET', '/watch'],
    ['GET', '/logs'],
    ['GET', '/logs/stats?since=1'],
    ['GET', '/logs/tail'],
  ] as const;

  it.each(CALLS)('is asked for by %s %s', async (method, path) => {
    const reply = await bench.call(method, path);
    expect(reply.status).toBe(401);
    expect(codeOf(reply)).toBe('credential_unknown');
    expect(reply.headers['www-authenticate']).toBe('Bearer');
  });

  it('refuses well-formed credentials that nobody holds, join tokens, and ones of agents that left', async () => {
    const { credential } = await bench.join();
    for (const as of [createToken('agent', randomBytes), await bench.token(), `${credential}x`, ''])
      expect((await bench.call('GET', '/services', { as })).status).toBe(401);
    expect((await bench.call('DELETE', '/agents/self', { as: credential })).status).toBe(204);
    expect((await bench.call('GET', '/services', { as: credential })).status).toBe(401);
  });

  it('leaving takes the services with it and is told', async () => {
    const { credential, id } = await bench.join();
    await bench.call('POST', '/services', { as: credential, body: { subdomain: 'shop', targets: [{ port: 3000 }] } });
    await bench.call('DELETE', '/agents/self', { as: credential });
    expect(bench.left).toEqual([id]);
    const other = await bench.join('other');
    const body = { subdomain: 'shop', targets: [{ port: 3000 }] };
    expect((await bench.call('POST', '/services', { as: other.credential, body })).status).toBe(200);
  });
});

describe('services', () => {
  let as: string;
  beforeEach(async () => {
    as = (await bench.join()).credential;
  });
  const create = (body: unknown, by = as): ReturnType<Bench['call']> =>
    bench.call('POST', '/services', { as: by, body });

  it('are made with defaults from a port alone', async () => {
    const reply = await create({ targets: [{ port: 5173 }] });
    const view = serviceViewSchema.parse(reply.json);
    expect(view.domain).toMatch(/^[a-z0-9]{12}\.localhost$/);
    expect(view).toMatchObject({
      name: view.domain.split('.')[0],
      source: 'permanent',
      enabled: true,
      passHostHeader: false,
      status: 'pending',
      urls: { https: `https://${view.domain}:8443`, http: `http://${view.domain}:8080` },
    });
    expect(view.targets).toMatchObject([
      {
        type: 'agent',
        host: 'localhost',
        port: 5173,
        protocol: 'http',
        path: '/',
        skipTlsVerify: false,
        connectTimeout: 10_000,
      },
    ]);
    expect((await bench.call('GET', '/services', { as })).text).toBe(JSON.stringify([view]));
  });

  it('skip the verification of https origins on the laptop itself only', async () => {
    const targets = [
      { port: 1, protocol: 'https' },
      { port: 2, protocol: 'https', path: '/b', type: 'host', host: '192.168.1.5' },
      { port: 3, protocol: 'https', path: '/c', skipTlsVerify: false },
      { port: 4, protocol: 'http', path: '/d', skipTlsVerify: true },
    ];
    const view = serviceViewSchema.parse((await create({ targets })).json);
    expect(view.targets.map((t) => t.skipTlsVerify)).toEqual([true, false, false, false]);
  });

  it('fold names and take whole domains under the cluster', async () => {
    expect((await create({ subdomain: ' Shop ', targets: [{ port: 1 }] })).json.domain).toBe('shop.localhost');
    expect((await create({ subdomain: 'blog.localhost.', targets: [{ port: 1 }] })).json.domain).toBe('blog.localhost');
    const drawn = await create({ namePrefix: 'pr-12', targets: [{ port: 1 }] });
    expect(drawn.json.domain).toMatch(/^pr-12-[a-z0-9]{6}\.localhost$/);
  });

  it('normalise paths', async () => {
    const targets = [{ port: 1 }, { port: 2, path: '//api//v1/' }];
    const view = serviceViewSchema.parse((await create({ targets })).json);
    expect(view.targets.map((t) => t.path)).toEqual(['/', '/api/v1']);
  });

  const port = 3000;
  it.each([
    [{}, 'input_invalid', 'targets'],
    [{ targets: [] }, 'input_invalid', 'targets'],
    [[], 'input_invalid', undefined],
    [{ targets: [{ port: 0 }] }, 'port_invalid', 'targets.0.port'],
    [{ targets: [{ port: 70_000 }] }, 'port_invalid', 'targets.0.port'],
    [{ targets: [{ port: 80.5 }] }, 'port_invalid', 'targets.0.port'],
    [{ targets: [{ port: '3000' }] }, 'port_invalid', 'targets.0.port'],
    [{ targets: [{}] }, 'port_invalid', 'targets.0.port'],
    [{ targets: [{ port, agentId: 'other' }] }, 'agent_unknown', 'targets.0.agentId'],
    [
      { targets: [{ port, customHeaders: [{ name: 'Host', value: 'x' }] }] },
      'header_invalid',
      'targets.0.customHeaders.0.name',
    ],
    [
      { targets: [{ port, customHeaders: [{ name: 'X-A', value: 'a\r\nb' }] }] },
      'header_invalid',
      'targets.0.customHeaders.0.value',
    ],
    [{ targets: [{ port, responseTimeout: '5' }] }, 'input_invalid', 'targets.0.responseTimeout'],
    [{ targets: [{ port, responseTimeout: 99 }] }, 'input_invalid', 'targets.0.responseTimeout'],
    [{ targets: [{ port, pathRewrite: 'keep' }] }, 'input_invalid', 'targets.0.pathRewrite'],
    [{ mode: 'tcp', targets: [{ port, pathRewrite: 'preserve' }] }, 'input_invalid', 'targets.0.pathRewrite'],
    [{ mode: 'tcp', targets: [{ port, responseTimeout: '5s' }] }, 'input_invalid', 'targets.0.responseTimeout'],
    [{ targets: [{ port }], ownerId: 'x' }, 'input_invalid', 'ownerId'],
    [{ targets: [{ port }], __proto__x: 1 }, 'input_invalid', '__proto__x'],
    [{ targets: [{ port }], name: '   ' }, 'input_invalid', 'name'],
    [{ targets: [{ port }], name: 'n'.repeat(256) }, 'input_invalid', 'name'],
    [{ targets: [{ port }], subdomain: '' }, 'name_invalid', 'subdomain'],
    [{ targets: [{ port }], subdomain: 'my_app' }, 'name_invalid', 'subdomain'],
    [{ targets: [{ port }], subdomain: '-a' }, 'name_invalid', 'subdomain'],
    [{ targets: [{ port }], subdomain: 'a'.repeat(64) }, 'name_invalid', 'subdomain'],
    [{ targets: [{ port }], subdomain: 'localhost.' }, 'name_invalid', 'subdomain'],
    [{ targets: [{ port }], subdomain: 'a.b.localhost' }, 'name_invalid', 'subdomain'],
    [{ targets: [{ port }], subdomain: 'shop.example.com' }, 'domain_foreign', 'subdomain'],
    [{ targets: [{ port }], subdomain: 'a', namePrefix: 'b' }, 'input_invalid', 'namePrefix'],
    [{ targets: [{ port }], namePrefix: 'Up' }, 'name_invalid', 'namePrefix'],
    [{ targets: [{ port }], namePrefix: 'p'.repeat(33) }, 'name_invalid', 'namePrefix'],
    [{ targets: [{ port, host: 'no host' }] }, 'host_invalid', 'targets.0.host'],
    [{ targets: [{ port, host: '10.0.0.1' }] }, 'input_invalid', 'targets.0.host'],
    [{ targets: [{ port, path: 'api' }] }, 'input_invalid', 'targets.0.path'],
    [{ targets: [{ port, path: '/a/../b' }] }, 'input_invalid', 'targets.0.path'],
    [{ targets: [{ port, path: '/a%2fb' }] }, 'input_invalid', 'targets.0.path'],
    [{ targets: [{ port, path: '/a?b' }] }, 'input_invalid', 'targets.0.path'],
    [{ targets: [{ port, path: '/a\r\nx' }] }, 'input_invalid', 'targets.0.path'],
    [{ targets: [{ port }, { port, path: '//' }] }, 'input_invalid', 'targets.1.path'],
    [{ targets: [{ port, connectTimeout: 5 }] }, 'input_invalid', 'targets.0.connectTimeout'],
    [{ targets: Array.from({ length: 65 }, (_, i) => ({ port, path: `/${i}` })) }, 'input_invalid', 'targets'],
  ])('are refused as %j with %s', async (body, code, field) => {
    const reply = await create(body);
    expect([codeOf(reply), fieldOf(reply)]).toEqual([code, field]);
    expect(reply.status).toBe(400);
    expect((await bench.call('GET', '/services', { as })).text).toBe('[]');
  });

  it('are refused with the name of the service that has the domain', async () => {
    await create({ name: 'The shop', subdomain: 'shop', targets: [{ port: 1 }] });
    const clash = await create({ subdomain: 'SHOP', targets: [{ port: 2 }] }, (await bench.join('other')).credential);
    expect(clash.status).toBe(409);
    expect(codeOf(clash)).toBe('domain_taken');
    expect(clash.text).toContain('The shop');
  });

  it('change where the patch says so and keep the ids of unchanged targets', async () => {
    const made = serviceViewSchema.parse((await create({ targets: [{ port: 1 }, { port: 2, path: '/b' }] })).json);
    const body = { name: 'New', enabled: false, targets: [{ port: 1 }, { port: 9, path: '/b' }] };
    const changed = serviceViewSchema.parse((await bench.call('PATCH', `/services/${made.id}`, { as, body })).json);
    expect(changed).toMatchObject({ name: 'New', enabled: false, domain: made.domain, status: 'disabled' });
    expect(changed.targets[0]).toEqual(made.targets[0]);
    expect(changed.targets[1]?.id).not.toBe(made.targets[1]?.id);
    const before = await bench.store.revision();
    expect((await bench.call('PATCH', `/services/${made.id}`, { as, body: {} })).status).toBe(200);
    expect(await bench.store.revision()).toEqual(before);
  });

  it("look to other agents as if they didn't exist", async () => {
    const { id } = (await create({ source: 'ephemeral', targets: [{ port: 1 }] })).json;
    const other = (await bench.join('other')).credential;
    const tries = [
      await bench.call('PATCH', `/services/${id}`, { as: other, body: { enabled: false } }),
      await bench.call('DELETE', `/services/${id}`, { as: other }),
      await bench.call('POST', `/services/${id}/renew`, { as: other }),
    ];
    expect(tries.map(codeOf)).toEqual(Array(3).fill('service_not_found'));
    expect((await bench.call('GET', '/services', { as: other })).text).toBe('[]');
    expect((await bench.call('DELETE', `/services/${id}`, { as })).status).toBe(204);
    expect((await bench.call('DELETE', `/services/${id}`, { as })).status).toBe(404);
  });

  it('allow ten exposures an agent', async () => {
    const body = { source: 'ephemeral', targets: [{ port: 1 }] };
    for (let i = 0; i < 10; i++) expect((await create(body)).status).toBe(200);
    const eleventh = await create(body);
    expect([eleventh.status, codeOf(eleventh)]).toEqual([429, 'exposure_limit']);
  });

  it('live on as exposures while they are renewed', async () => {
    const made = serviceViewSchema.parse((await create({ source: 'ephemeral', targets: [{ port: 1 }] })).json);
    bench.clock.offset = 60_000;
    const renewed = await bench.call('POST', `/services/${made.id}/renew`, { as });
    expect(Number(renewed.json.expiresAt) - (made.expiresAt ?? 0)).toBeGreaterThanOrEqual(60_000);
    // The machine slept: nobody could renew it, so it isn't gone.
    bench.clock.offset = 3_600_000;
    expect((await bench.call('POST', `/services/${made.id}/renew`, { as })).status).toBe(200);
    const permanent = (await create({ targets: [{ port: 1 }] })).json;
    expect(codeOf(await bench.call('POST', `/services/${permanent.id}/renew`, { as }))).toBe('input_invalid');
  });
});

describe('what is not the API', () => {
  it('is answered with the page that was given', async () => {
    for (const path of ['/', '/index.html', '/api', '/api/v2/cluster', '/api/v1x']) {
      const page = await bench.call('GET', path, { prefix: '' });
      expect([page.status, page.text]).toEqual([404, '<h1>No such page</h1>']);
    }
  });

  it('below the prefix is a coded refusal', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['POST', '/cluster'],
      ['GET', ''],
    ] as const) {
      const reply = await bench.call(method, path);
      expect([reply.status, codeOf(reply)]).toEqual([404, 'channel_unknown']);
    }
  });

  it('addresses that cannot be decoded or are too long are coded refusals', async () => {
    const { credential: as } = await bench.join();
    for (const path of ['/services/%zz', `/services/${'x'.repeat(1000)}`]) {
      const reply = await bench.call('DELETE', path, { as });
      expect(codeOf(reply)).not.toBe('no error');
      expect(reply.status).toBeLessThan(500);
    }
  });

  it('bodies that are too large, no JSON, or call themselves otherwise are refused', async () => {
    const { credential: as } = await bench.join();
    const large = await bench.call('POST', '/services', { as, body: JSON.stringify({ name: 'x'.repeat(300_000) }) });
    expect([large.status, codeOf(large)]).toEqual([413, 'body_too_large']);
    for (const body of ['{', '', '"text"', '{"__proto__": {"port": 1}}']) {
      const reply = await bench.call('POST', '/services', { as, body });
      expect([reply.status, codeOf(reply)]).toEqual([400, 'input_invalid']);
    }
    const plain = await bench.call('POST', '/services', { as, body: '{}', type: 'text/plain' });
    expect([plain.status, codeOf(plain)]).toEqual([400, 'input_invalid']);
  });
});

describe('connections', () => {
  const raw = (): Promise<ReturnType<typeof connect>> =>
    new Promise((resolve, reject) => {
      const ca = bench.certificates.caPem ?? '';
      const socket = connect({ host: '127.0.0.1', port: bench.port, servername: 'localhost', ca }, () =>
        resolve(socket),
      );
      socket.on('error', reject);
    });
  const closed = (socket: ReturnType<typeof connect>): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });

  it('that never finish a request are cut', async () => {
    await bench.stop();
    bench = await Bench.start({ headTimeout: 100, requestTimeout: 200, checkInterval: 20 });
    const silent = closed(await raw());
    const slow = await raw();
    slow.write('GET /api/v1/cluster HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    expect(await closed(slow)).toMatch(/^HTTP\/1\.1 408 .*request_timeout/s);
    await silent;
    const body = await raw();
    body.write(
      'POST /api/v1/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    expect(await closed(body)).toMatch(/408|^$/);
  });

  it('beyond the cap are cut at once', async () => {
    await bench.stop();
    bench = await Bench.start({ connections: 1 });
    const first = await raw();
    const second = await raw();
    await closed(second);
    expect(bench.api.connections).toBe(1);
    first.destroy();
  });

  it('that send garbage get a 400 and are closed', async () => {
    const socket = await raw();
    socket.write('\x16\x03 this is not HTTP\r\n\r\n');
    expect(await closed(socket)).toMatch(/^HTTP\/1\.1 400 .*request_malformed/s);
    const large = await raw();
    large.write(`GET /api/v1/cluster HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(await closed(large)).toMatch(/^HTTP\/1\.1 431 .*head_too_large/s);
  });

  it('end when the API closes, streams included', async () => {
    const { credential } = await bench.join();
    const lines = await bench.lines('/watch', credential);
    await lines.next();
    await bench.api.close(5000);
    await lines.ended;
    expect(bench.api.connections).toBe(0);
  });
});
