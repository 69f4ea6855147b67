import { describe, expect, it } from 'vitest';
import { Switchboard } from '../../../edge/relay/switchboard.ts';
import type { DirectRoute } from '../../../edge/visit.ts';
import { directRoute } from './routes.ts';

const tcp = (id: string, more: Partial<DirectRoute> = {}) =>
  directRoute(id, { mode: 'tcp', listenPort: 5000, ...more });
const tls = (id: string, more: Partial<DirectRoute> = {}) =>
  directRoute(id, { mode: 'tls', listenPort: 5000, ...more });
const udp = (id: string, more: Partial<DirectRoute> = {}) =>
  directRoute(id, { mode: 'udp', listenPort: 5000, ...more });
const PORT = { transport: 'tcp', port: 5000 };

/** A switchboard that holds these services already. */
function holding(...routes: readonly DirectRoute[]): Switchboard {
  const board = new Switchboard();
  board.apply(routes.map((after) => ({ before: undefined, after })));
  return board;
}

describe('the switchboard', () => {
  it('opens a port with its first service and closes it with its last', () => {
    const board = new Switchboard();
    const a = tcp('a');
    const b = tls('b');
    expect(board.apply([{ before: undefined, after: a }])).toEqual({ open: [PORT], close: [], ended: [] });
    expect(board.apply([{ before: undefined, after: b }])).toEqual({ open: [], close: [], ended: [] });
    expect(board.hasTls(5000)).toBe(true);
    expect(board.apply([{ before: a, after: undefined }])).toEqual({ open: [], close: [], ended: ['a'] });
    expect(board.tcp(5000)).toBeUndefined();
    expect(board.apply([{ before: b, after: undefined }])).toEqual({ open: [], close: [PORT], ended: ['b'] });
  });

  it('leaves a port open that passes from one service to another', () => {
    const a = tcp('a');
    const b = tcp('b');
    for (const changes of [
      [
        { before: a, after: undefined },
        { before: undefined, after: b },
      ],
      [
        { before: undefined, after: b },
        { before: a, after: undefined },
      ],
    ]) {
      const board = holding(a);
      expect(board.apply(changes)).toEqual({ open: [], close: [], ended: ['a'] });
      expect(board.tcp(5000)).toBe(b);
    }
  });

  it('keeps TCP and UDP of one number apart', () => {
    const board = holding(tcp('a'));
    expect(board.apply([{ before: undefined, after: udp('b') }]).open).toEqual([{ transport: 'udp', port: 5000 }]);
    expect(board.udp(5000)?.serviceId).toBe('b');
    expect(board.tcp(5000)?.serviceId).toBe('a');
  });

  it('moves a service to another port', () => {
    const before = tcp('a');
    const after = tcp('a', { listenPort: 6000 });
    expect(holding(before).apply([{ before, after }])).toEqual({
      open: [{ transport: 'tcp', port: 6000 }],
      close: [PORT],
      ended: ['a'],
    });
  });

  it('has no port for TLS on the main port, yet ends its connections', () => {
    const route = tls('a', { listenPort: undefined });
    const board = new Switchboard();
    expect(board.apply([{ before: undefined, after: route }])).toEqual({ open: [], close: [], ended: [] });
    expect(board.apply([{ before: route, after: undefined }])).toEqual({ open: [], close: [], ended: ['a'] });
  });

  it.each<[string, Partial<DirectRoute>, boolean]>([
    ['its idle timeout', { idleTimeout: 1 }, false],
    ['nothing', {}, false],
    ['its domain', { domain: 'other.test' }, true],
    ['the PROXY header', { proxyProtocol: true }, true],
    ['its target', { target: directRoute('a', { port: 9 }).target }, true],
  ])('ends connections only when they would come out elsewhere: %s changes', (_, change, ends) => {
    const before = tcp('a');
    const after = { ...before, ...change };
    expect(holding(before).apply([{ before, after }])).toEqual({ open: [], close: [], ended: ends ? ['a'] : [] });
  });
});
