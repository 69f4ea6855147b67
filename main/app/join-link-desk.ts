import type { JoinPreview } from '../../shared/contract/agent-state.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { createId } from '../../shared/domain/id.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { type EdgeGlance, glanceAt } from '../agent/edge-about.ts';
import { describeEdge } from '../agent/edge-address.ts';
import type { JoinInput } from './cluster.ts';
import { type JoinLink, parseJoinLink } from './join-link.ts';

/** Milliseconds for a look at the edge of a link. */
const LOOK_LIMIT = 10_000;

type Joined = Result<{ readonly domain: string; readonly agentId: string }, Failure>;

export interface JoinDeskParts {
  readonly join: (input: JoinInput) => Promise<Joined>;
  /** The cluster that this laptop belongs to already. */
  readonly joinedTo: () => string | undefined;
  readonly onChange: () => void;
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
  /** Looks at an edge; the network by default. */
  readonly glance?: typeof glanceAt;
}

interface Pending {
  readonly link: JoinLink;
  readonly preview: JoinPreview;
  readonly looking: AbortController;
}

/**
 * The one join link that waits for the user's answer. Its token is kept here and is sent to the edge only by
 * `confirm`; a link that came from outside is not even dialled before the user asks for it, so that a web page can't
 * have this laptop knock on doors.
 */
export class JoinDesk {
  readonly #parts: JoinDeskParts;
  #pending: Pending | undefined;

  constructor(parts: JoinDeskParts) {
    this.#parts = parts;
  }

  /** What the window shows; without the token. */
  get preview(): JoinPreview | undefined {
    return this.#pending?.preview;
  }

  /** A link that something other than our window brought: it waits until the user looks at it. */
  open(text: string): Result<JoinPreview, Failure> {
    return this.#take(text, 'asked');
  }

  /** A link that the user pasted: looks at its edge. What is wrong with the edge is in the preview. */
  async look(text: string): Promise<Result<JoinPreview, Failure>> {
    const taken = this.#take(text, 'checking');
    return taken.ok ? this.check(taken.value.id) : taken;
  }

  /** Looks at the edge of the pending link, for the first time or again. */
  async check(id: string): Promise<Result<JoinPreview, Failure>> {
    const before = this.#find(id);
    if (before === undefined) return err(gone());
    if (before.preview.state === 'joining') return ok(before.preview);
    before.looking.abort();
    const looking = new AbortController();
    const { link } = before;
    const { address } = before.preview;
    this.#show({ link, looking, preview: { id, address, state: 'checking' } });
    const signal = AbortSignal.any([looking.signal, AbortSignal.timeout(LOOK_LIMIT)]);
    const trust = link.fingerprint === undefined ? {} : { fingerprint: link.fingerprint };
    const seen = await (this.#parts.glance ?? glanceAt)(link.address, trust, signal);
    const now = this.#find(id);
    if (now === undefined || now.looking !== looking) return now === undefined ? err(gone()) : ok(now.preview);
    const preview: JoinPreview = seen.ok
      ? { id, address, state: 'ready', ...describe(seen.value) }
      : { id, address, state: 'failed', failure: seen.error };
    this.#show({ link, looking, preview });
    return ok(preview);
  }

  /** Joins. A failure stays in the preview, so that it can be tried again. */
  async confirm(id: string, name: string | undefined): Promise<Joined> {
    const pending = this.#find(id);
    if (pending === undefined) return err(gone());
    const { link, preview } = pending;
    if (preview.state !== 'ready') return err(failure('input_invalid', { reason: because('link_unlooked') }));
    this.#show({ ...pending, preview: { ...preview, state: 'joining' } });
    const joined = await this.#parts.join({
      url: `https://${describeEdge(link.address)}`,
      token: link.token,
      ...(link.fingerprint === undefined ? {} : { fingerprint: link.fingerprint }),
      ...(name === undefined ? {} : { name }),
    });
    if (this.#find(id) === undefined) return joined;
    if (joined.ok) this.#drop();
    else this.#show({ ...pending, preview: { ...preview, state: 'ready', failure: joined.error } });
    return joined;
  }

  /** Forgets the link and its token. What is just joining goes on. */
  dismiss(id: string): Result<null, Failure> {
    const pending = this.#find(id);
    if (pending?.preview.state === 'joining') return err(failure('input_invalid', { reason: because('link_joining') }));
    if (pending !== undefined) this.#drop();
    return ok(null);
  }

  /** Gives up what is under way. */
  close(): void {
    this.#pending?.looking.abort();
  }

  #take(text: string, state: 'asked' | 'checking'): Result<JoinPreview, Failure> {
    const link = parseJoinLink(text);
    if (!link.ok) return link;
    const cluster = this.#parts.joinedTo();
    if (cluster !== undefined) return err(failure('already_joined', { cluster }));
    if (this.#pending?.preview.state === 'joining')
      return err(failure('input_invalid', { reason: because('link_joining_other') }));
    this.#pending?.looking.abort();
    const id = createId(this.#parts.now(), this.#parts.random);
    const preview: JoinPreview = { id, state, address: describeEdge(link.value.address) };
    this.#show({ link: link.value, preview, looking: new AbortController() });
    return ok(preview);
  }

  #find(id: string): Pending | undefined {
    return this.#pending?.preview.id === id ? this.#pending : undefined;
  }

  #show(pending: Pending): void {
    this.#pending = pending;
    this.#parts.onChange();
  }

  #drop(): void {
    this.#pending?.looking.abort();
    this.#pending = undefined;
    this.#parts.onChange();
  }
}

const gone = (): Failure => failure('input_invalid', { reason: because('link_gone') });

const describe = ({ about, certificate }: EdgeGlance) => ({
  certificate,
  ...(about === undefined ? {} : { domain: about.domain, version: about.version }),
  ...(about?.operator === undefined ? {} : { operator: about.operator }),
});
