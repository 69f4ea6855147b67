import type { AgentState } from '../../shared/contract/agent-state.ts';
import type { MarkState } from '../controls/mark.tsx';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import type { Connection } from '../transport/transport.ts';

export interface LinkView {
  readonly mark: MarkState;
  readonly word: string;
  /** What to tell above every screen; absent while all is well. */
  readonly notice:
    | {
        readonly tone: 'quiet' | 'warn' | 'bad';
        readonly title: string;
        readonly body: string;
        readonly retryAt?: number;
      }
    | undefined;
}

function processView(state: AgentState): LinkView | undefined {
  const words = t.link;
  if (state.phase === 'stopping')
    return { mark: 'off', word: words.gone, notice: { tone: 'quiet', title: t.phase.stopping, body: '' } };
  if (state.edge.process === 'stopped')
    return {
      mark: 'error',
      word: words.restarting,
      notice: { tone: 'bad', title: words.edgeStopped, body: words.edgeStoppedBody },
    };
  if (state.edge.process === 'starting')
    return {
      mark: 'connecting',
      word: words.starting,
      notice: {
        tone: 'quiet',
        title: words.edgeStarting,
        body: state.services.length === 0 ? words.edgeStartingBody : words.edgeStartingAgain,
      },
    };
  if (state.phase === 'starting')
    return { mark: 'connecting', word: words.starting, notice: { tone: 'quiet', title: t.phase.starting, body: '' } };
  return undefined;
}

function lineView({ edge }: AgentState): LinkView {
  const words = t.link;
  const { link, domain } = edge;
  const near = edge.kind === 'embedded';
  if (link.state === 'up') return { mark: 'on', word: words.up, notice: undefined };
  if (link.state === 'paused')
    return {
      mark: 'off',
      word: words.paused,
      notice: { tone: 'quiet', title: words.pausedTitle, body: words.pausedBody },
    };
  if (link.state === 'connecting' && link.failure === undefined)
    return {
      mark: 'connecting',
      word: words.connecting,
      notice: {
        tone: 'quiet',
        title: words.connectingTitle(domain),
        body: near ? words.seeOffline : words.seeOfflineIf,
      },
    };
  const retry = link.nextTryAt === undefined ? {} : { retryAt: link.nextTryAt };
  return {
    mark: link.state === 'connecting' ? 'connecting' : 'attention',
    word: link.state === 'connecting' ? words.connecting : words.down,
    notice: {
      tone: 'warn',
      title: words.downTitle(domain),
      body: [sayFailure(link.failure), words.seeOfflineIf, near ? words.keepsTrying : words.keepsTryingFar]
        .filter((sentence) => sentence !== undefined)
        .join(' '),
      ...retry,
    },
  };
}

/** How the line from this window to the edge stands, nearest break first: main, the edge's process, the link. */
export function linkView(state: AgentState | undefined, connection: Connection): LinkView {
  if (connection === 'lost' || connection === 'refused') {
    const refused = connection === 'refused';
    return {
      mark: refused ? 'attention' : 'error',
      word: refused ? t.link.down : t.link.gone,
      notice: {
        tone: refused ? 'warn' : 'bad',
        title: refused ? t.gone.refusedTitle : t.gone.title,
        body: refused ? t.gone.refusedBody : t.gone.body,
      },
    };
  }
  if (state === undefined) return { mark: 'connecting', word: t.link.starting, notice: undefined };
  return processView(state) ?? lineView(state);
}
