import { type ReactNode, useId } from 'react';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { IconButton } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { t } from '../strings/strings.ts';
import { formatBytes, formatDuration, formatExact } from '../time/format.ts';
import { subjectOf, verbOf } from './log-row.tsx';
import type { ServiceNames } from './service-names.ts';
import { type PartName, splitTime } from './time-split.ts';

const words = t.log.detail;

const FILL: Record<PartName, string> = {
  edge: 'bg-muted',
  tunnel: 'bg-edge',
  origin: 'bg-accent',
  transfer: 'bg-line',
};

function TimeSplit({ record }: { readonly record: AccessRecord }) {
  const parts = splitTime(record);
  if (parts.length === 0) return <p className="text-13 text-muted">{words.noSplit}</p>;
  return (
    <div className="flex flex-col gap-2">
      <div aria-hidden="true" className="forced-bar flex h-3 gap-px overflow-hidden rounded-8">
        {parts.map((part) => (
          <span key={part.name} className={`min-w-0.5 ${FILL[part.name]}`} style={{ flexGrow: part.share }} />
        ))}
      </div>
      <ul className="tabular grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 text-13">
        {parts.map((part) => (
          <li key={part.name} className="contents">
            <span className="flex items-center gap-2">
              <span aria-hidden="true" className={`size-2.5 rounded-full border border-edge ${FILL[part.name]}`} />
              {words[part.name]}
            </span>
            <span className="text-right">{formatDuration(part.ms)}</span>
          </li>
        ))}
        <li className="contents font-semibold">
          <span>{words.total}</span>
          <span className="text-right">{formatDuration(record.duration)}</span>
        </li>
      </ul>
    </div>
  );
}

const Fact = ({ name, code = false, children }: { name: string; code?: boolean; children: ReactNode }) => (
  <div className="flex flex-col">
    <dt className="text-12 text-muted">{name}</dt>
    <dd className={`text-13 wrap-anywhere select-text ${code ? 'font-mono' : ''}`}>{children}</dd>
  </div>
);

interface DetailProps {
  readonly record: AccessRecord;
  readonly names: ServiceNames;
  readonly onClose: () => void;
}

function Facts({ record, names }: Omit<DetailProps, 'onClose'>) {
  return (
    <dl className="flex flex-col gap-2">
      <Fact name={words.time}>{formatExact(record.time)}</Fact>
      <Fact name={words.service}>{names(record)}</Fact>
      <Fact name={words.host} code>
        {record.host}
      </Fact>
      {record.failure !== undefined && (
        <Fact name={words.failure} code>
          {record.failure}
        </Fact>
      )}
      <Fact name={words.address} code>
        {record.address}
      </Fact>
      {record.userAgent !== undefined && <Fact name={words.agent}>{record.userAgent}</Fact>}
      <Fact name={words.protocol}>
        {record.protocol.toUpperCase()}
        {/* What a TCP or UDP service carries may be encrypted or not: nobody looks. */}
        {record.kind !== 'connection' && `, ${record.secure ? words.secure : words.plain}`}
      </Fact>
      {record.kind !== 'request' && <Fact name={words.kind}>{t.log.kind[record.kind]}</Fact>}
      <div className="grid grid-cols-2 gap-2">
        <Fact name={words.up}>{formatBytes(record.bytesUp)}</Fact>
        <Fact name={words.down}>{formatBytes(record.bytesDown)}</Fact>
      </div>
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
        <section aria-label={words.where}>
          <TimeSplit record={record} />
        </section>
        <Facts record={record} names={names} />
      </div>
    </aside>
  );
}
