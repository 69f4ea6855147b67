import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { isOtherUser, ownerIn } from '../../../main/web/same-user.ts';

/** proc(5): port 8080 (1F90) listens, 40000 (9C40) of user 1001 and 40001 (9C41) of user 1000 are connected to it. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1 0000000000000000 100
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 101 1 0000000000000000 20
   2: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 102 1 0000000000000000 20
   3: 0100007F:9C41 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 103 1 0000000000000000 20
`;

it.each([
  [40_000, 8080, 1001],
  [40_001, 8080, 1000],
  [40_002, 8080, undefined],
  [40_000, 9090, undefined],
])('finds whose end %d of a connection to %d is: %s', (port, server, owner) => {
  expect(ownerIn(TABLE, port, server)).toBe(owner);
});

it('takes a program of this user for no other', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  expect(isOtherUser(accepted)).toBe(false);
  client.destroy();
  accepted.destroy();
  server.close();
});
