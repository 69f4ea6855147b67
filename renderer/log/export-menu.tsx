import { useEffect, useRef, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { Menu, MenuItem } from '../controls/menu.tsx';
import { usePorthole } from '../state/porthole.tsx';
import { sayFailure } from '../strings/failures.ts';
import { t } from '../strings/strings.ts';
import { formatCount } from '../time/format.ts';
import { type ExportForm, readAll, saveLog } from './export.ts';
import type { LogFilter } from './filter.ts';

const FORMS = ['jsonl', 'csv'] as const satisfies readonly ExportForm[];

/** Saves what the filter finds as a file. */
function useExport(filter: LogFilter) {
  const { transport } = usePorthole();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const under = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => under.current?.abort(), []);
  const save = async (form: ExportForm): Promise<void> => {
    const controller = new AbortController();
    under.current = controller;
    setBusy(true);
    const progress = (count: number): void => setSaid(t.log.exporting(formatCount(count)));
    progress(0);
    const done = await readAll(transport, filter, form, progress, controller.signal);
    if (controller.signal.aborted) return;
    setBusy(false);
    if (done.ok) saveLog(done.parts, form, Date.now());
    const words = done.ok && done.cut ? t.log.exportCut : t.log.exported;
    setSaid(done.ok ? words(formatCount(done.count)) : `${t.log.exportFailed} ${sayFailure(done.failure) ?? ''}`);
  };
  return { busy, said, save };
}

/** What the filter finds, as a file: for spreadsheets or for programs. */
export function ExportMenu({ filter }: { readonly filter: LogFilter }) {
  const { busy, said, save } = useExport(filter);
  return (
    <>
      <Menu
        align="end"
        trigger={
          <Button busy={busy}>
            <Icon name="save" />
            {t.log.export}
          </Button>
        }
      >
        {FORMS.map((form) => (
          <MenuItem key={form} disabled={busy} onSelect={() => void save(form)}>
            {t.log.exportAs[form]}
          </MenuItem>
        ))}
      </Menu>
      <p role="status" className="tabular text-13 text-muted empty:hidden">
        {said}
      </p>
    </>
  );
}
