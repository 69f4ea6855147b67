/** UDP services over real processes. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dialError, run, UdpVisitor, Up, udpOrigin } from '../support/direct.ts';
import { freePort } from '../support/free-port.ts';

let up: Up;
beforeAll(async () => {
  up = await Up.start();
});
afterAll(() => up[Symbol.asyncDispose]());

/** The newest line of the access log about `service`, once there is one. */
async function newestLine(service: string): Promise<unknown> {
  for (;;) {
    const { out } = await run(up.home, 'logs', '--service', service, '--limit', '1', '--json');
    if (out !== '') return JSON.parse(out);
  }
}

/** Asks until it is answered, as clients of UDP do: where much is on its way, anything may be lost. */
async function isAnswered(visitor: UdpVisitor, question: string): Promise<void> {
  const ask = (): void => visitor.send(Buffer.from(question));
  const again = setInterval(ask, 200);
  try {
    ask();
    while (String(await visitor.next()) !== question);
  } finally {
    clearInterval(again);
  }
}

it('keeps the boundaries of datagrams of every size', async () => {
  await using origin = await udpOrigin((message, reply) => reply(message));
  const service = await up.add(origin.port, ['--protocol', 'udp']);
  expect(service.url).toBe(`udp://localhost:${service.port}`);
  await using visitor = await UdpVisitor.to(service.port);
  for (const size of [0, 1, 2, 255, 256, 511, 1472, 16_383, 16_384, 16_385, 65_506, 65_507]) {
    const sent = randomBytes(size);
    visitor.send(sent);
    expect((await visitor.next()).equals(sent)).toBe(true);
  }
});

it('gives each visitor a session of its own, and answers find back', async () => {
  await using origin = await udpOrigin((message, reply) => reply(Buffer.concat([Buffer.from('re '), message])));
  const service = await up.add(origin.port, ['--protocol', 'udp']);
  const answered = await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      await using visitor = await UdpVisitor.to(service.port);
      for (let i = 0; i < 20; i++) {
        visitor.send(Buffer.from(`${n}/${i}`));
        if (String(await visitor.next()) !== `re ${n}/${i}`) return false;
      }
      return true;
    }),
  );
  expect(answered).toEqual(new Array(40).fill(true));
});

it('serves one visitor while another floods and is never answered', async () => {
  await using origin = await udpOrigin((message, reply) => {
    if (message.length < 100) reply(message);
  });
  const service = await up.add(origin.port, ['--protocol', 'udp']);
  await using flood = await UdpVisitor.to(service.port);
  await using visitor = await UdpVisitor.to(service.port);
  const block = randomBytes(8_000);
  for (let i = 0; i < 50; i++) {
    for (let n = 0; n < 100; n++) flood.send(block);
    await isAnswered(visitor, `ping ${i}`);
  }
});

it('tells that nobody listens, and logs it', async () => {
  const gone = await udpOrigin(() => {});
  const service = await up.add(gone.port, ['--protocol', 'udp', '--name', 'deaf']);
  await gone[Symbol.asyncDispose]();
  await using visitor = await UdpVisitor.to(service.port);
  visitor.send(Buffer.from('anybody?'));
  await up.until((state) => state.services.some((s) => s.id === service.id && s.status === 'error'));
  expect(await newestLine('deaf')).toMatchObject({
    kind: 'connection',
    protocol: 'udp',
    failure: 'origin_refused',
    bytesUp: 8,
    bytesDown: 0,
  });
});

it('ends a session after its idle timeout, and logs it', async () => {
  await using origin = await udpOrigin((message, reply) => reply(message));
  const service = await up.add(origin.port, ['--protocol', 'udp', '--idle-timeout', '5s', '--name', 'idle']);
  await using visitor = await UdpVisitor.to(service.port);
  visitor.send(Buffer.from('once'));
  await visitor.next();
  const line = await newestLine('idle');
  expect(line).toMatchObject({ protocol: 'udp', bytesUp: 4, bytesDown: 4, address: '127.0.0.1' });
  expect(line).not.toHaveProperty('failure');
});

it('shares a number with a TCP service, and is gone with its removal', async () => {
  await using origin = await udpOrigin((message, reply) => reply(message));
  const tcp = await up.add(await freePort(), ['--protocol', 'tcp', '--name', 'twin'], 'error');
  const udp = await up.add(origin.port, ['--protocol', 'udp', '--name', 'other', '--listen-port', String(tcp.port)]);
  expect(udp.port).toBe(tcp.port);
  await using visitor = await UdpVisitor.to(udp.port);
  visitor.send(Buffer.from('here'));
  expect(String(await visitor.next())).toBe('here');
  expect((await run(up.home, 'services', 'remove', 'other')).code).toBe(0);
  // The port is free for another program.
  await expect.poll(() => canBind(udp.port)).toBe(true);
  expect(await dialError(tcp.port)).toBe('');
});

it('carries dig’s questions to a name server', async () => {
  await using origin = await udpOrigin((query, reply) => reply(answerTo(query)));
  const service = await up.add(origin.port, ['--protocol', 'udp']);
  const args = ['@127.0.0.1', '-p', String(service.port), 'porthole.test', 'A', '+short', '+tries=1', '+time=30'];
  const { stdout } = await promisify(execFile)('dig', args);
  expect(stdout.trim()).toBe('192.0.2.7');
});

function canBind(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket
      .once('error', () => socket.close(() => resolve(false)))
      .bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

/** The response to a query for one A record (RFC 1035 section 4): the question back, and 192.0.2.7. */
function answerTo(query: Buffer): Buffer {
  let end = 12;
  while (query[end] !== 0) end += (query[end] ?? 0) + 1;
  const question = query.subarray(12, end + 5);
  const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
  return Buffer.concat([head, question, record]);
}
