import { Tabs } from 'radix-ui';
import { type ReactNode, useId, useRef, useState } from 'react';
import type { ExchangeDetail as Detail, ExchangeSummary, InspectedHeader } from '../../shared/contract/inspect.ts';
import { Button, IconButton } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { Skeleton } from '../controls/late.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useCopy } from '../services/use-copy.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { BodyView } from './body-view.tsx';
import { curlOf } from './curl.ts';
import { noteOf } from './exchange-list.tsx';
import { ReplayForm } from './replay-form.tsx';
import { TimingView } from './timing-view.tsx';
import { useDetail } from './use-inspector.ts';

const words = t.inspector;
const TABS = ['headers', 'request', 'response', 'timing'] as const;

function Headers({ title, headers }: { readonly title: string; readonly headers: readonly InspectedHeader[] }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="flex flex-col gap-1">
      <h3 id={id} className="text-13 font-semibold wrap-anywhere">
        {title}
      </h3>
      <dl className="flex flex-col text-12 select-text">
        {headers.map(({ name, value, masked }, row) => (
          // Names may repeat, and never move.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <div key={row} className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)] gap-x-3 border-t border-line py-1">
            <dt className="font-mono text-muted wrap-anywhere">{name}</dt>
            <dd className="font-mono [unicode-bidi:isolate] wrap-anywhere">
              {value}
              {masked === true && <span className="sr-only"> ({words.hidden})</span>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

interface ActionsProps {
  readonly detail: Detail;
  /** Where the service is found: `https://shop.example.com`. */
  readonly origin: string | undefined;
  readonly online: boolean;
  readonly onReplayed: (exchange: ExchangeSummary) => void;
}

function Actions({ detail, origin, online, onReplayed }: ActionsProps) {
  const { run, pending, failure } = useCall('inspector:replay');
  const [editing, setEditing] = useState(false);
  const { copied, copy } = useCopy('no');
  const edit = useRef<HTMLButtonElement>(null);
  const curl = curlOf(detail, origin ?? detail.target);
  const { unrepeatable, summary } = detail;
  const replay = async (): Promise<void> => {
    const made = await run({ id: summary.id });
    if (made !== undefined) onReplayed(made);
  };
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap gap-2">
        <Button busy={pending} disabled={!online || unrepeatable !== undefined} onClick={() => void replay()}>
          {pending ? words.replaying : words.replay}
        </Button>
        <Button ref={edit} disabled={!online || unrepeatable === 'upgrade'} onClick={() => setEditing(true)}>
          {words.edit}
        </Button>
        {curl !== undefined && (
          <Button onClick={() => copy(curl)}>
            <Icon name={copied === 'yes' ? 'check' : 'copy'} />
            <span aria-live="polite">
              {copied === 'yes' ? words.copied : copied === 'failed' ? words.copyFailed : words.copyCurl}
            </span>
          </Button>
        )}
      </div>
      {unrepeatable !== undefined && (
        <p className="text-12 text-muted">{unrepeatable === 'cut' ? words.cannotCut : words.cannotUpgrade}</p>
      )}
      <Refusal failure={failure} />
      {editing && (
        <ReplayForm detail={detail} returnTo={edit} onClose={() => setEditing(false)} onReplayed={onReplayed} />
      )}
    </div>
  );
}

const Panel = ({ name, children }: { readonly name: (typeof TABS)[number]; readonly children: ReactNode }) => (
  <Tabs.Content value={name} className="flex min-w-0 flex-col gap-4 p-4 -outline-offset-2">
    {children}
  </Tabs.Content>
);

function Parts({ detail }: { readonly detail: Detail }) {
  const { summary, request, response, target } = detail;
  const nothing = <p className="text-13 text-muted">{words.noAnswer}</p>;
  return (
    <Tabs.Root defaultValue="headers" className="flex flex-col">
      <Tabs.List aria-label={words.title} className="flex flex-wrap border-b border-line px-2">
        {TABS.map((tab) => (
          <Tabs.Trigger
            key={tab}
            value={tab}
            className="min-h-9 border-b-2 border-transparent px-2 text-13 text-muted -outline-offset-2 hover:text-text data-[state=active]:border-accent data-[state=active]:font-semibold data-[state=active]:text-text pointer-coarse:min-h-11"
          >
            {words.tabs[tab]}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <Panel name="headers">
        <p className="text-12 text-muted wrap-anywhere">
          {words.sentTo(target, summary.http2 === true ? 'HTTP/2' : 'HTTP/1.1')}
        </p>
        <Headers title={words.requestHeaders} headers={request.headers} />
        {request.trailers !== undefined && <Headers title={words.requestTrailers} headers={request.trailers} />}
        {response === undefined ? (
          nothing
        ) : (
          <Headers
            title={`${words.responseHeaders} ${summary.status ?? ''} ${response.reason}`.trim()}
            headers={response.headers}
          />
        )}
        {response?.trailers !== undefined && <Headers title={words.responseTrailers} headers={response.trailers} />}
      </Panel>
      <Panel name="request">
        <BodyView id={summary.id} side="request" body={request.body} />
      </Panel>
      <Panel name="response">
        {response === undefined ? nothing : <BodyView id={summary.id} side="response" body={response.body} />}
      </Panel>
      <Panel name="timing">
        <TimingView timing={detail.timing} />
      </Panel>
    </Tabs.Root>
  );
}

interface DetailProps {
  readonly exchange: ExchangeSummary;
  readonly origin: string | undefined;
  readonly online: boolean;
  readonly onClose: () => void;
  readonly onReplayed: (exchange: ExchangeSummary) => void;
}

/** Everything of one exchange: beside the list, or over it where it is narrow. */
export function ExchangeDetail({ exchange, origin, online, onClose, onReplayed }: DetailProps) {
  const titleId = useId();
  const { detail, failure } = useDetail(exchange);
  const note = noteOf(detail?.summary ?? exchange);
  return (
    <aside
      aria-labelledby={titleId}
      onKeyDown={(event) => event.key === 'Escape' && !event.defaultPrevented && onClose()}
      className="fixed inset-x-2 bottom-2 z-10 flex max-h-[75dvh] min-w-0 flex-col overflow-y-auto rounded-8 border border-line bg-surface shadow-float lg:static lg:max-h-none lg:w-[460px] lg:shrink-0 lg:shadow-none"
    >
      <div className="sticky top-0 z-10 flex items-start gap-2 border-b border-line bg-surface py-2 pr-2 pl-4">
        <h2 id={titleId} className="line-clamp-3 min-w-0 flex-1 py-2 font-mono text-13 font-semibold wrap-anywhere">
          {exchange.method} {exchange.path}
          <span className="tabular ml-2 font-sans">{exchange.status ?? ''}</span>
          {note !== '' && <span className="ml-2 font-sans font-regular text-muted">{note}</span>}
        </h2>
        <IconButton aria-label={t.common.close} onClick={onClose}>
          <Icon name="close" />
        </IconButton>
      </div>
      {detail !== undefined && (
        <>
          <div className="px-4 pt-3 pb-1">
            <Actions
              key={exchange.id}
              detail={{ ...detail, summary: exchange }}
              origin={origin}
              online={online}
              onReplayed={onReplayed}
            />
          </div>
          <Parts detail={detail} />
        </>
      )}
      <div className="p-4 empty:hidden">
        <Refusal failure={failure} />
        {detail === undefined && failure === undefined && <Skeleton rows={4} label={t.common.loading} />}
      </div>
    </aside>
  );
}
