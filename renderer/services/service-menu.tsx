import { DropdownMenu } from 'radix-ui';
import { type RefObject, useState } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { IconButton } from '../controls/button.tsx';
import { MoreIcon } from '../controls/icons.tsx';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { goTo } from '../state/route.ts';
import { t } from '../strings/strings.ts';

const ITEM =
  'flex min-h-9 cursor-default items-center rounded-8 px-3 text-13 -outline-offset-2 data-[highlighted]:bg-accent-soft data-[disabled]:text-muted pointer-coarse:min-h-11';

/** What a row of the menu opens. */
export type RowDialog = 'share' | 'rename' | 'remove';

interface MenuProps {
  readonly service: ServiceView;
  readonly url: string;
  readonly online: boolean;
  readonly onChoose: (dialog: RowDialog) => void;
  readonly trigger: RefObject<HTMLButtonElement | null>;
}

/**
 * Everything that is not needed at every glance. Not modal: a modal menu would lock scrolling with a style element,
 * which the page's policy refuses.
 */
export function ServiceMenu({ service, url, online, onChoose, trigger }: MenuProps) {
  const { transport } = usePorthole();
  // Beside its row the list would be cut off; outside of every landmark it would be hard to find.
  const [place, setPlace] = useState<HTMLElement | null>(null);
  const inspecting = useMirror((mirror) => mirror.state?.inspecting?.includes(service.id) === true);
  return (
    <DropdownMenu.Root modal={false} onOpenChange={() => setPlace(document.getElementById('content'))}>
      <DropdownMenu.Trigger asChild>
        <IconButton ref={trigger} aria-label={t.services.more(service.name)}>
          <MoreIcon />
        </IconButton>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal container={place}>
        <DropdownMenu.Content
          align="end"
          sideOffset={4}
          collisionPadding={16}
          className="z-10 min-w-40 rounded-8 border border-line bg-surface p-1 text-text shadow-float"
        >
          {service.mode === 'http' && (
            <DropdownMenu.Item className={ITEM} disabled={!service.enabled} onSelect={() => transport.open(url)}>
              {t.services.open}
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Item className={ITEM} disabled={!online} onSelect={() => onChoose('share')}>
            {t.share.open}
          </DropdownMenu.Item>
          {service.mode === 'http' && (
            <DropdownMenu.CheckboxItem
              className={ITEM}
              disabled={!online}
              checked={inspecting}
              onCheckedChange={(enabled) => {
                void transport.call('inspector:set', { serviceId: service.id, enabled });
                if (enabled) goTo('inspector', service.id);
              }}
            >
              {inspecting ? t.inspector.stop : t.inspector.inspect}
            </DropdownMenu.CheckboxItem>
          )}
          <DropdownMenu.Item className={ITEM} onSelect={() => goTo('services', service.id)}>
            {t.editor.edit}
          </DropdownMenu.Item>
          <DropdownMenu.Item className={ITEM} disabled={!online} onSelect={() => onChoose('rename')}>
            {t.services.rename}
          </DropdownMenu.Item>
          <DropdownMenu.Separator className="my-1 h-px bg-line" />
          <DropdownMenu.Item className={`${ITEM} text-bad`} disabled={!online} onSelect={() => onChoose('remove')}>
            {t.services.remove}
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
