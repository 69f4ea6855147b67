import { Button } from '../controls/button.tsx';
import { INPUT } from '../controls/field.tsx';
import { Icon } from '../controls/icons.tsx';
import { useMirror } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import type { InspectorFilter } from './view.ts';

interface FiltersProps {
  readonly filter: InspectorFilter;
  readonly onFilter: (filter: InspectorFilter) => void;
  readonly methods: readonly string[];
  readonly paused: boolean;
  readonly onPause: (paused: boolean) => void;
  readonly onClear: () => void;
  readonly online: boolean;
}

const STATUSES = ['2', '3', '4', '5', 'none'] as const;
const SELECT = `${INPUT} max-w-52 flex-[1_1_120px]`;

/** What of the requests is shown. */
export function Filters({ filter, onFilter, methods, paused, onPause, onClear, online }: FiltersProps) {
  const services = useMirror((mirror) => mirror.state?.services);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <input
        type="search"
        value={filter.text}
        maxLength={200}
        onChange={(event) => onFilter({ ...filter, text: event.target.value })}
        aria-label={t.inspector.text}
        placeholder={t.inspector.text}
        className={`${INPUT} flex-[1_1_200px] md:max-w-80`}
      />
      <select
        value={filter.service}
        onChange={(event) => onFilter({ ...filter, service: event.target.value })}
        aria-label={t.log.service}
        className={SELECT}
      >
        <option value="">{t.log.allServices}</option>
        {services
          ?.filter(({ mode }) => mode === 'http')
          .map((service) => (
            <option key={service.id} value={service.id}>
              {service.name}
            </option>
          ))}
      </select>
      <select
        value={filter.method}
        onChange={(event) => onFilter({ ...filter, method: event.target.value })}
        aria-label={t.inspector.method}
        className={SELECT}
      >
        <option value="">{t.inspector.allMethods}</option>
        {[...new Set([...methods, ...(filter.method === '' ? [] : [filter.method])])].sort().map((method) => (
          <option key={method}>{method}</option>
        ))}
      </select>
      <select
        value={filter.status}
        onChange={(event) => onFilter({ ...filter, status: event.target.value })}
        aria-label={t.inspector.status}
        className={SELECT}
      >
        <option value="">{t.inspector.allStatuses}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {t.inspector.statuses[status]}
          </option>
        ))}
      </select>
      <Button onClick={() => onPause(!paused)}>
        <Icon name={paused ? 'play' : 'pause'} />
        {paused ? t.inspector.resume : t.inspector.pause}
      </Button>
      <Button disabled={!online} onClick={onClear}>
        {t.inspector.clear}
      </Button>
    </div>
  );
}
