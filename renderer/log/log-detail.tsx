import { type ReactNode, useId } from 'react';
import { useStore } from 'zustand';
import { type AccessRecord, isPassage } from '../../shared/domain/access-record.ts';
import { Button, IconButton } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { Problem } from '../controls/notice.tsx';
import { type Stretch, TimeBar } from '../controls/time-bar.tsx';
import { useCopy } from '../services/use-copy.ts';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { formatBytes, formatExact } from '../time/format.ts';
import { curlOf } from './curl.ts';
import { MAX_LENGTH, type Term } from './filter.ts';
import { codeWords, countryWords } from './labels.ts';
import { subjectOf, verbOf } from './log-row.tsx';
import type { ServiceNames } from './service-names.ts';
import { type PartName, splitTime } from './time-split.ts';

const words = t.log.detail;

const FILL: Record<PartName, Stretch['fill']> = {
  edge: 'before',
  tunnel: 'there',
  origin: 'origin',
  transfer: 'back',
};

/** Where the time of a request went. */
function TimeSplit({ record }: { readonly record: AccessRecord }) {
  const parts = splitTime(record).map(({ name, ms }) => ({ words: words[name], ms, fill: FILL[name] }));
  return <TimeBar parts={parts} none={words.noSplit} total={{ words: words.total, ms: record.duration }} />;
}

interface FactProps {
  readonly name: string;
  readonly code?: boolean;
  /** Two of these stand beside each other. */
  readonly half?: boolean;
  /** The filter that finds more like this. */
  readonly term?: Term | 'service';
  readonly value?: string | undefined;
  readonly children: ReactNode;
}

/** One field; where it can be filtered by, its value is the button that does. */
function Fact({ name, code = false, half = false, term, value, children }: FactProps) {
  const { log } = usePorthole();
  const { filter } = useStore(log.store);
  const can = term !== undefined && value !== undefined && value !== '' && filter[term] !== value;
  return (
    <div className={`flex min-w-0 flex-col ${half ? '' : 'col-span-2'}`}>
      <dt className="text-12 text-muted">{name}</dt>
      <dd className={`text-13 wrap-anywhere select-text ${code ? 'font-mono' : ''}`}>
        {can ? (
          <button
            type="button"
            aria-label={t.log.only(`${name}: ${typeof children === 'string' ? children : value}`)}
            title={t.log.only(typeof children === 'string' ? children : value)}
            // The edge looks for a part, and takes no longer one.
            onClick={() =>
              log.setFilter({ ...filter, [term]: term === 'service' ? value : value.slice(0, MAX_LENGTH[term]) })
            }
            className="-mx-1 inline-flex min-h-6 items-center gap-1.5 rounded-8 px-1 text-left text-accent wrap-anywhere select-text hover:bg-accent-soft pointer-coarse:min-h-11"
          >
            {children}
            <Icon name="filter" />
          </button>
        ) : (
          children
        )}
      </dd>
    </div>
  );
}

interface DetailProps {
  readonly record: AccessRecord;
  readonly names: ServiceNames;
  readonly onClose: () => void;
}

type FactsProps = Omit<DetailProps, 'onClose'>;

/** What was asked, and what came of it. */
function Asked({ record, names }: FactsProps) {
  const passage = isPassage(record);
  return (
    <>
      <Fact name={words.time}>{formatExact(record.time)}</Fact>
      <Fact name={words.service} term="service" value={record.serviceId}>
        {names(record)}
      </Fact>
      <Fact name={words.host} code>
        {record.host}
      </Fact>
      {!passage && (
        <>
          <Fact name={words.path} code term="path" value={record.path}>
            {record.path}
          </Fact>
          <Fact name={words.method} half code term="method" value={record.method}>
            {record.method}
          </Fact>
          {record.status !== 0 && (
            <Fact name={words.status} half code term="status" value={String(record.status)}>
              {String(record.status)}
            </Fact>
          )}
        </>
      )}
      {record.failure !== undefined && (
        <Fact name={words.failure} term="auth" value={record.failure}>
          {codeWords(record.failure)}
        </Fact>
      )}
      {record.observed !== undefined && (
        <Fact name={words.observed} term="auth" value={record.observed}>
          {codeWords(record.observed)}
        </Fact>
      )}
      {record.reason !== undefined && <Fact name={words.reason}>{record.reason}</Fact>}
    </>
  );
}

/** Who it was, and from where. */
function Visitor({ record }: { readonly record: AccessRecord }) {
  return (
    <>
      <Fact name={words.address} code term="address" value={record.address}>
        {record.address}
      </Fact>
      {record.country !== undefined && (
        <Fact name={words.country} term="country" value={record.country}>
          {countryWords(record.country)}
        </Fact>
      )}
      {record.user !== undefined && (
        <Fact name={words.user} term="user" value={record.user}>
          {record.user}
        </Fact>
      )}
      {record.auth !== undefined && (
        <Fact name={words.auth} term="auth" value={record.auth}>
          {codeWords(record.auth)}
        </Fact>
      )}
      {record.userAgent !== undefined && <Fact name={words.agent}>{record.userAgent}</Fact>}
    </>
  );
}

function Facts({ record, names }: FactsProps) {
  return (
    <dl className="grid grid-cols-2 gap-2">
      <Asked record={record} names={names} />
      <Visitor record={record} />
      <Fact name={words.protocol}>
        {record.protocol.toUpperCase()}
        {/* What a TCP or UDP service carries may be encrypted or not: nobody looks. */}
        {record.kind !== 'connection' && `, ${record.secure ? words.secure : words.plain}`}
      </Fact>
      {record.kind !== 'request' && <Fact name={words.kind}>{t.log.kind[record.kind]}</Fact>}
      <Fact name={words.up} half>
        {formatBytes(record.bytesUp)}
      </Fact>
      <Fact name={words.down} half>
        {formatBytes(record.bytesDown)}
      </Fact>
      <Fact name={words.id} code>
        {record.id}
      </Fact>
      <Fact name={words.node} code>
        {record.nodeId}
      </Fact>
      {record.agentId !== undefined && (
        <Fact name={words.connector} code>
          {record.agentId}
        </Fact>
      )}
    </dl>
  );
}

/** Where the record's service is found today, for a record of its own name. */
function useOrigin({ serviceId, host, secure }: AccessRecord): string | undefined {
  const services = useMirror((mirror) => mirror.state?.services);
  const service = services?.find(({ id }) => id === serviceId);
  if (service === undefined || 'direct' in service.urls || host.split(':')[0] !== service.domain) return undefined;
  return secure ? service.urls.https : service.urls.http;
}

function CopyCurl({ record }: { readonly record: AccessRecord }) {
  const command = curlOf(record, useOrigin(record));
  const { copied, copy } = useCopy('no');
  if (command === undefined) return null;
  return (
    <div className="flex flex-col items-start gap-2">
      <Button onClick={() => copy(command)}>
        <Icon name={copied === 'yes' ? 'check' : 'copy'} />
        {copied === 'yes' ? t.log.copied : t.log.copyCurl}
      </Button>
      {copied === 'failed' && (
        <>
          <Problem>{t.log.copyFailed}</Problem>
          <code className="text-12 select-all wrap-anywhere">{command}</code>
        </>
      )}
    </div>
  );
}

/** Everything known of one line: beside the list, or over it where it is narrow. */
export function LogDetail({ record, names, onClose }: DetailProps) {
  const titleId = useId();
  return (
    <aside
      aria-labelledby={titleId}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
      className="absolute inset-x-0 bottom-0 z-10 flex max-h-[70%] min-w-0 flex-col overflow-y-auto rounded-8 border border-line bg-surface shadow-float lg:static lg:max-h-none lg:w-90 lg:shrink-0 lg:shadow-none"
    >
      <div className="sticky top-0 flex items-start gap-2 border-b border-line bg-surface py-2 pr-2 pl-4">
        <h2 id={titleId} className="min-w-0 flex-1 py-2 font-mono text-13 font-semibold wrap-anywhere">
          {verbOf(record)} {subjectOf(record)}
          <span className="tabular ml-2 font-sans">{record.status === 0 ? '' : record.status}</span>
        </h2>
        <IconButton aria-label={t.common.close} onClick={onClose}>
          <Icon name="close" />
        </IconButton>
      </div>
      <div className="flex flex-col gap-4 p-4">
        {record.status === 0 && record.kind !== 'connection' && (
          <p className="text-13 font-semibold text-warn">{t.log.leftWords}</p>
        )}
        {record.observed !== undefined && (
          <p className="text-13 font-semibold text-warn">{t.log.observedWords(codeWords(record.observed))}</p>
        )}
        <section aria-label={words.where}>
          <TimeSplit record={record} />
        </section>
        <CopyCurl record={record} />
        <Facts record={record} names={names} />
      </div>
    </aside>
  );
}
