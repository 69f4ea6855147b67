import type { RefObject } from 'react';
import type { ServiceView } from '../../shared/contract/control-api.ts';
import { IconButton } from '../controls/button.tsx';
import { MoreIcon } from '../controls/icons.tsx';
import { Menu, MenuItem, MenuLine, MenuSwitch } from '../controls/menu.tsx';
import { useMirror, usePorthole } from '../state/porthole.tsx';
import { goTo } from '../state/route.ts';
import { t } from '../strings/strings.ts';

/** What a row of the menu opens. */
export type RowDialog = 'share' | 'rename' | 'remove';

interface MenuProps {
  readonly service: ServiceView;
  readonly url: string;
  readonly online: boolean;
  readonly onChoose: (dialog: RowDialog) => void;
  readonly trigger: RefObject<HTMLButtonElement | null>;
}

/** Everything that is not needed at every glance. */
export function ServiceMenu({ service, url, online, onChoose, trigger }: MenuProps) {
  const { transport } = usePorthole();
  const inspecting = useMirror((mirror) => mirror.state?.inspecting?.includes(service.id) === true);
  return (
    <Menu
      align="end"
      trigger={
        <IconButton ref={trigger} aria-label={t.services.more(service.name)}>
          <MoreIcon />
        </IconButton>
      }
    >
      {service.mode === 'http' && (
        <MenuItem disabled={!service.enabled} onSelect={() => transport.open(url)}>
          {t.services.open}
        </MenuItem>
      )}
      <MenuItem disabled={!online} onSelect={() => onChoose('share')}>
        {t.share.open}
      </MenuItem>
      {service.mode === 'http' && (
        <MenuSwitch
          disabled={!online}
          checked={inspecting}
          onChange={(enabled) => {
            void transport.call('inspector:set', { serviceId: service.id, enabled });
            if (enabled) goTo('inspector', service.id);
          }}
        >
          {inspecting ? t.inspector.stop : t.inspector.inspect}
        </MenuSwitch>
      )}
      <MenuItem onSelect={() => goTo('services', service.id)}>{t.editor.edit}</MenuItem>
      <MenuItem disabled={!online} onSelect={() => onChoose('rename')}>
        {t.services.rename}
      </MenuItem>
      <MenuLine />
      <MenuItem destructive disabled={!online} onSelect={() => onChoose('remove')}>
        {t.services.remove}
      </MenuItem>
    </Menu>
  );
}
