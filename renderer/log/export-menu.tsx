import { DropdownMenu } from 'radix-ui';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { usePorthole } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';
import { formatCount } from '../time/format.ts';
import { type ExportForm, readAll, saveFile } from './export.ts';
import type { LogFilter } from './filter.ts';
import { MENU, MENU_ITEM } from './filter-bar.tsx';

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
    if (done.ok) saveFile(done.parts, form, Date.now());
    const words = done.ok && done.cut ? t.log.exportCut : t.log.exported;
    setSaid(done.ok ? words(formatCount(done.count)) : `${t.log.exportFailed} ${done.failure?.message ?? ''}`);
  };
  return { busy, said, save };
}

/** What the filter finds, as a file: for spreadsheets or for programs. */
export function ExportMenu({ filter }: { readonly filter: LogFilter }) {
  const { busy, said, save } = useExport(filter);
  // Inside the page's main part: outside of every landmark the list would be hard to find.
  const [place, setPlace] = useState<HTMLElement | null>(null);
  return (
    <>
      <DropdownMenu.Root modal={false} onOpenChange={() => setPlace(document.getElementById('content'))}>
        <DropdownMenu.Trigger asChild>
          <Button busy={busy}>
            <Icon name="save" />
            {t.log.export}
          </Button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal container={place}>
          <DropdownMenu.Content align="end" sideOffset={4} collisionPadding={16} className={MENU}>
            {FORMS.map((form) => (
              <DropdownMenu.Item key={form} className={MENU_ITEM} disabled={busy} onSelect={() => void save(form)}>
                {t.log.exportAs[form]}
              </DropdownMenu.Item>
            ))}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      <p role="status" className="tabular text-13 text-muted empty:hidden">
        {said}
      </p>
    </>
  );
}
