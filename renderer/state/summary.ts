import type { AgentState } from '../../shared/contract/agent-state.ts';
import { isProtected } from '../../shared/domain/auth.ts';
import { t } from '../strings/strings.ts';
import { type Standing, standingOf } from './standing.ts';

/** The answer to the first glance: what of mine is public right now, and to whom? */
export interface Summary {
  readonly live: number;
  readonly title: string;
  readonly body: string;
}

const group = (standing: Standing): 'live' | 'off' | 'waiting' | 'attention' => {
  if (standing.key === 'active') return 'live';
  if (standing.key === 'disabled') return 'off';
  return standing.tone === 'quiet' ? 'waiting' : 'attention';
};

/** Counts what is live, waiting, in need of attention and off, and says it. */
export function summarise(state: AgentState): Summary {
  const counts = { live: 0, off: 0, waiting: 0, attention: 0 };
  let open = 0;
  for (const service of state.services) {
    const kind = group(standingOf(service, state));
    counts[kind]++;
    if (kind === 'live' && !isProtected(service.auth)) open++;
  }
  const guarded = counts.live - open;
  const words = t.services;
  if (state.services.length === 0) return { live: 0, title: words.nonePublic, body: words.firstThing };
  const cut = state.edge.link.state !== 'up';
  const body = [
    open > 0 ? words.anyone(open) : '',
    guarded > 0 ? words.guarded(guarded) : '',
    counts.live > 0 && state.edge.kind === 'embedded' ? words.hereOnly : '',
    counts.attention > 0 && !cut ? words.attention(counts.attention) : '',
    counts.waiting > 0 ? words.waiting(counts.waiting) : '',
    counts.off > 0 && !cut ? words.off(counts.off) : '',
  ];
  const none = cut && counts.off < state.services.length ? words.unreachable : words.nonePublic;
  return {
    live: counts.live,
    title: counts.live === 0 ? none : open > 0 ? words.livePublic(open) : words.liveGuarded(guarded),
    body: body.filter((sentence) => sentence !== '').join(' '),
  };
}
