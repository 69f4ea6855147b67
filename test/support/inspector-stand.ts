/** An inspector with a clock of its own, and a service `shop` that it looks at. */
import { INSPECTOR_LIMITS, Inspector, type InspectorLimits } from '../../main/agent/inspect/inspector.ts';
import type { StreamTap } from '../../main/agent/inspect/stream-tap.ts';
import type { InspectorNews } from '../../shared/contract/inspect.ts';
import type { OpenRequest } from '../../shared/wire/open.ts';
import { ManualClock } from './manual-clock.ts';

export const targetAt = (port: number, service = 'shop'): OpenRequest => ({
  service,
  type: 'agent',
  host: 'localhost',
  port,
  tls: false,
  skipTlsVerify: false,
  connectTimeout: 1000,
});

/** The ear at a new connection; fails for a service that is not inspected. */
export function tapOf(inspector: Inspector, target: OpenRequest): StreamTap {
  const tap = inspector.tap(target);
  if (tap === undefined) throw new Error('not inspected');
  return tap;
}

export function inspectorStand(limits: Partial<InspectorLimits> = {}) {
  const clock = new ManualClock();
  const inspector = new Inspector(clock, () => {}, { ...INSPECTOR_LIMITS, ...limits });
  inspector.set('shop', true);
  const news: InspectorNews[] = [];
  inspector.on((piece) => news.push(piece));
  const open = (service?: string): StreamTap => tapOf(inspector, targetAt(3000, service));
  const list = () => inspector.list({ limit: 200 }).exchanges;
  const detail = async (id: number) => {
    const got = await inspector.get(id);
    if (!got.ok) throw new Error(got.error.code);
    return got.value;
  };
  /** What was told last, once there was time to tell it. */
  const told = (): InspectorNews | undefined => {
    clock.advance(100);
    return news.at(-1);
  };
  return { clock, inspector, open, list, detail, told };
}

/** Lets `bytes` pass a tap in pieces of `step` bytes. */
export function feed(
  tap: StreamTap,
  side: 'fromVisitor' | 'fromOrigin',
  content: string | Buffer,
  step = Infinity,
): void {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += step) tap[side](bytes, at, Math.min(bytes.length, at + step));
}

export const fromBase64 = (base64: string): string => Buffer.from(base64, 'base64').toString();
