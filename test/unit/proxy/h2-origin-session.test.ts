import { expect, it } from 'vitest';
import { OriginSession } from '../../../edge/proxy/h2-origin-session.ts';
import type { OriginKeeper, OriginStream, OriginUser } from '../../../edge/proxy/origin-stream.ts';
import type { TunnelStream } from '../../../shared/node/stream.ts';
import { openedWord } from '../../../shared/wire/open.ts';
import { targetAt } from '../../support/proxy-stand.ts';

it('tells the request of an origin that chose HTTP/1.1 that its tunnel is full', () => {
  const heard: string[] = [];
  const pool: OriginKeeper = { target: targetAt(1), rest() {}, forget() {}, dialled() {} };
  const stream: TunnelStream = {
    id: 1,
    writable: true,
    write() {},
    writeLatin1() {},
    end() {},
    reset() {},
    consumed() {},
  };
  const user: OriginUser = {
    originData() {},
    originEnd() {},
    originReset() {},
    originWritable: () => heard.push('writable'),
    originFull: () => heard.push('full'),
  };
  const session = new OriginSession(
    {
      pool,
      scheme: 'https',
      onHttp1: (_session: OriginSession, plain: OriginStream) => plain.use(user),
      onHttp1Required() {},
      onGone() {},
    },
    true,
  );
  session.attach(stream);
  session.onFull();
  expect(heard).toEqual([]);
  session.onOpened(openedWord(1, false));
  session.onFull();
  session.onWritable();
  expect(heard).toEqual(['full', 'writable']);
});
