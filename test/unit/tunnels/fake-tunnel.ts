import type { Carrier } from '../../../edge/tunnels/link.ts';
import type { LinkBound } from '../../../shared/node/carrier-group.ts';
import type { TunnelStream } from '../../../shared/node/stream.ts';
import type { GoAwayCode } from '../../../shared/wire/codes.ts';

/** A stream of a fake tunnel. */
export const fakeStream = (id: number): TunnelStream => ({
  id,
  writable: true,
  write() {},
  writeLatin1() {},
  end() {},
  reset() {},
  consumed() {},
});

/** A carrier in memory: a test says what is on it, and reads off what it was told. */
export class FakeTunnel implements Carrier {
  readonly name: number;
  readonly told: GoAwayCode[] = [];
  draining = false;
  doubtful = false;
  full: LinkBound | undefined;
  closed = false;
  probed = 0;
  opened = 0;
  bulk: TunnelStream[] = [];
  /** Small streams that move along when all do. */
  small = 0;
  stats = { bytesIn: 0, bytesOut: 0, streams: 2, queued: 0 };
  roundTrip: number;
  shortestRoundTrip = 1;

  constructor(name: number) {
    this.name = name;
    this.roundTrip = name;
  }

  open(): TunnelStream | 'closed' | LinkBound {
    if (this.draining) return 'closed';
    if (this.full !== undefined) return this.full;
    this.opened++;
    return fakeStream(this.name);
  }

  moveTo(to: unknown, which?: readonly TunnelStream[]): number {
    if (!(to instanceof FakeTunnel)) return 0;
    const going = which ?? this.bulk;
    this.bulk = this.bulk.filter((stream) => !going.includes(stream));
    to.bulk.push(...going);
    if (which !== undefined) return going.length;
    const { small } = this;
    to.small += small;
    this.small = 0;
    return going.length + small;
  }

  probe(timeout: number): void {
    this.probed = timeout;
  }

  goAway(code: GoAwayCode): void {
    this.draining = true;
    this.told.push(code);
  }

  close(code: GoAwayCode): void {
    this.closed = true;
    this.told.push(code);
  }
}
