import type { ExchangeTiming } from '../../shared/contract/inspect.ts';
import { type Stretch, TimeBar } from '../controls/time-bar.tsx';
import { t } from '../strings/strings.ts';
import { type TimingPart, timingParts } from './timing.ts';

const FILL: Record<TimingPart['name'], Stretch['fill']> = {
  connect: 'before',
  send: 'there',
  wait: 'origin',
  receive: 'back',
};

const words = t.inspector.timing;

/** Where the time of an exchange went. */
export function TimingView({ timing }: { readonly timing: ExchangeTiming }) {
  const parts = timingParts(timing).map(({ name, ms }) => ({ words: words[name], ms, fill: FILL[name] }));
  const total = timing.end === undefined ? undefined : { words: words.total, ms: timing.end };
  return <TimeBar parts={parts} none={words.none} total={total} />;
}
